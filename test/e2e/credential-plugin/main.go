// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command credential-plugin plays the part of the shell script in Headlamp's pull request 4577, with Go alone: for the Cluster
// that its argument names, it prints the client certificate of the Cluster's kubeconfig Secret, which it reads on the hub of
// $KUBECONFIG in the namespace of the current context. It gets nothing of any profile, so one entry of a provider file serves
// one Cluster.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: credential-plugin CLUSTER")
		os.Exit(2)
	}
	if err := printCredential(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printCredential(ctx context.Context, cluster string) error {
	loading := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil)
	config, err := loading.ClientConfig()
	if err != nil {
		return err
	}
	namespace, _, err := loading.Namespace()
	if err != nil {
		return err
	}
	hub, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	secret, err := hub.CoreV1().Secrets(namespace).Get(ctx, cluster+"-kubeconfig", metav1.GetOptions{})
	if err != nil {
		return err
	}
	spoke, err := clientcmd.RESTConfigFromKubeConfig(secret.Data["value"])
	if err != nil {
		return fmt.Errorf("the Secret %s/%s: %w", namespace, secret.Name, err)
	}
	return json.NewEncoder(os.Stdout).Encode(clientauthenticationv1.ExecCredential{
		TypeMeta: metav1.TypeMeta{APIVersion: clientauthenticationv1.SchemeGroupVersion.String(), Kind: "ExecCredential"},
		Status: &clientauthenticationv1.ExecCredentialStatus{
			ClientCertificateData: string(spoke.CertData),
			ClientKeyData:         string(spoke.KeyData),
		},
	})
}
