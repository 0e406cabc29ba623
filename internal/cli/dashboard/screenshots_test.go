// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"k8s.io/utils/ptr"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

var screenshots = flag.String("screenshots", "", "the folder to write pictures of the page to; none is written if empty")

// TestScreenshots writes the pictures of the documentation.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("it writes pictures, and tests nothing; make screenshots runs it")
	}
	b := startBrowser(t)
	paint(t)
	d := serve(t, env.hub.Config(), "")
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}),
		chromedp.EmulateViewport(1440, 900), chromedp.Navigate(d.URL()))
	b.until("document.querySelectorAll('button.tile').length >= 96")
	b.picture("dashboard")
	b.run(chromedp.Click(`button.tile.unreachable`))
	b.until("document.querySelector('dialog .stages') !== null")
	b.picture("dashboard-profile")
	b.run(chromedp.KeyEvent("\x1b"), chromedp.EmulateViewport(900, 1000))
	b.until("document.querySelector('dialog[open]') === null")
	b.picture("dashboard-tablet")
	b.run(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	b.picture("dashboard-phone")
}

func (b *tab) picture(name string) {
	b.t.Helper()
	var png []byte
	b.run(chromedp.CaptureScreenshot(&png))
	must(b.t, os.MkdirAll(*screenshots, 0o755), os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o644))
}

// paint creates a fleet of 96 profiles in four namespaces, in most states.
func paint(t *testing.T) {
	t.Helper()
	cities := []string{"london", "paris", "oslo", "rome", "berlin", "madrid", "vienna", "prague", "lisbon", "dublin", "warsaw", "zurich"}
	versions := []string{"v1.36.3", "v1.36.3", "v1.36.3", "v1.35.6", "v1.35.6", "v1.34.9"}
	now := time.Now()
	for i := range 96 {
		namespace := []string{"payments", "search", "storefront", "platform"}[i/24]
		if i%24 == 0 {
			must(t, env.k8s.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
		}
		name := fmt.Sprintf("%s-%d", cities[i%12], i/12+1)
		newProfile(t, namespace, name, func(p *inventoryv1alpha1.ClusterProfile) {
			p.Spec.ClusterManager.Name = "cluster-api"
			p.Labels = map[string]string{"env": []string{"prod", "test"}[i%2], "region": []string{"eu-west", "eu-north"}[i%5/3]}
			p.Status.Version.Kubernetes = versions[i%len(versions)]
			condition := &p.Status.Conditions[0]
			condition.LastTransitionTime = metav1.NewTime(now.Add(-time.Duration(i+2) * time.Hour))
			switch i {
			case 18, 19:
				condition.Status, condition.Reason = metav1.ConditionFalse, v1alpha1.ReasonControlPlaneUnavailable
				condition.Message = "Cluster API reports the control plane unavailable"
				condition.LastTransitionTime = metav1.NewTime(now.Add(-12 * time.Minute))
			case 50:
				condition.Status, condition.Reason = metav1.ConditionUnknown, v1alpha1.ReasonPaused
			}
			p.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{{
				Name:    v1alpha1.ProviderKubeconfigSecret,
				Cluster: clientcmdv1.Cluster{Server: fmt.Sprintf("https://10.20.%d.10:6443", i)},
			}}
		})
		server := fmt.Sprintf("https://10.20.%d.10:6443", i)
		reason, message := resultOf(i, server)
		check := newCheck(t, namespace, name, reason)
		reachable := &check.Status.Conditions[0]
		reachable.Message = message
		reachable.LastTransitionTime = metav1.NewTime(now.Add(-time.Duration(i*37+5) * time.Minute))
		check.Status.LastProbeTime = ptr.To(metav1.NewTime(now.Add(-time.Duration(i%29) * time.Second)))
		check.Status.Server, check.Status.Provider = server, v1alpha1.ProviderKubeconfigSecret
		check.Status.User = "system:serviceaccount:capi-inventory-access:consumer"
		if i%40 == 12 {
			end := metav1.NewTime(now.Add(time.Duration(i) * 24 * time.Hour / 4))
			check.Status.Expires = &end
			check.Status.Expirations = []v1alpha1.Expiration{{Kind: v1alpha1.ExpiringServingCertificate, Time: end}}
		}
		must(t, env.k8s.Status().Update(t.Context(), check))
	}
}

// resultOf returns the result of the check of a profile: three of them fail.
func resultOf(i int, server string) (reason, message string) {
	switch i {
	case 7:
		return v1alpha1.ReasonConnectFailed, "dialling " + server + ": connect: connection refused"
	case 31:
		return v1alpha1.ReasonTLSFailed, server + ": the certificate is valid for 10.0.0.1, not 10.20.31.10"
	case 64:
		return v1alpha1.ReasonUnauthorized, server + " does not accept the credential: 401 Unauthorized"
	}
	return v1alpha1.ReasonReachable, "The spoke is ready and accepts the published access"
}
