// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"net/netip"
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// narrow is what an administrator writes who wants to confine the consumer to the network of the spokes.
const narrow = `
networkPolicy:
  enabled: true
  spokesTo: [{ipBlock: {cidr: 10.50.0.0/16}}]
`

// flow is a connection that a pod may want to open.
type flow struct {
	to       string
	port     int32
	protocol corev1.Protocol
}

func tcp(to string, port int32) flow { return flow{to, port, corev1.ProtocolTCP} }
func udp(to string, port int32) flow { return flow{to, port, corev1.ProtocolUDP} }

// TestNetworkPolicyConfines: the rules of a policy add up, so what counts is their union.
func TestNetworkPolicyConfines(t *testing.T) {
	const consumer, publisher, withdrawal = "capi-inventory-consumer", "capi-inventory-publisher", "capi-inventory-withdrawal"
	const broker, scoped = "capi-inventory-broker", "access: {mode: scoped}\nconsumer: {enabled: false}\n"
	const named = narrow + "  apiServerTo: [{ipBlock: {cidr: 172.18.0.2/32}}]\n  dnsTo: [{ipBlock: {cidr: 10.96.0.10/32}}]\n"
	metadata := []flow{
		tcp(
			"169.254.169.254",
			443,
		),
		tcp("169.254.169.254", 80),
		tcp("fd00:ec2::254", 443),
		tcp("fd00:ec2::23", 443),
		tcp("fd20:ce::254", 443),
		tcp(
			"fd00:c1::a9fe:a9fe",
			443,
		),
		tcp("168.63.129.16", 443),
		tcp("100.100.100.200", 443),
		tcp("192.0.0.192", 443),
		tcp("fe80::1", 6443),
		tcp("64:ff9b::127.0.0.1", 443),
		tcp("64:ff9b::169.254.169.254", 443),
		tcp("64:ff9b::168.63.129.16", 443),
		tcp("64:ff9b::100.100.100.200", 443),
		tcp("64:ff9b::192.0.0.192", 443),
	}
	cases := map[string]struct {
		why, values, policy string
		may, mayNot         []flow
	}{
		"ConsumerByDefault": {
			why:    "spokes may be anywhere but where clouds serve the credentials of a node",
			values: "networkPolicy: {enabled: true}",
			policy: consumer,
			may: []flow{
				tcp("10.60.0.1", 443),
				tcp("8.8.8.8", 6443),
				tcp("8.8.8.8", 30443),
				tcp("2001:db8::1", 443),
				tcp("64:ff9b::8.8.8.8", 443),
				udp("10.96.0.10", 53),
			},
			mayNot: metadata,
		},
		"BrokerByDefault": {
			why: "it dials spokes as the consumer does", values: scoped + "networkPolicy: {enabled: true}", policy: broker,
			may:    []flow{tcp("10.60.0.1", 443), tcp("8.8.8.8", 30443), udp("10.96.0.10", 53)},
			mayNot: metadata,
		},
		"BrokerNarrowed": {
			why: "only to the spokes, the API server and DNS", values: scoped + named, policy: broker,
			may:    []flow{tcp("10.50.7.7", 30443), tcp("172.18.0.2", 6443), udp("10.96.0.10", 53)},
			mayNot: append([]flow{tcp("8.8.8.8", 443), tcp("8.8.8.8", 53), tcp("172.18.0.2", 10250), tcp("172.18.0.3", 6443)}, metadata...),
		},
		"PublisherByDefault": {
			why: "it needs the API server, whose address is not known", values: "networkPolicy: {enabled: true}", policy: publisher,
			may:    []flow{tcp("172.18.0.2", 6443), tcp("10.96.0.1", 443), udp("10.96.0.10", 53)},
			mayNot: append([]flow{tcp("172.18.0.2", 8080), tcp("10.50.0.1", 30443)}, metadata...),
		},
		"ConsumerNarrowed": {
			why:    "only to the spokes, the API server and DNS",
			values: named,
			policy: consumer,
			may: []flow{
				tcp("10.50.7.7", 443),
				tcp("10.50.7.7", 30443),
				tcp("172.18.0.2", 6443),
				tcp("172.18.0.2", 443),
				udp("10.96.0.10", 53),
				tcp("10.96.0.10", 53),
			},
			mayNot: append([]flow{
				tcp(
					"8.8.8.8",
					443,
				),
				tcp("8.8.8.8", 6443),
				tcp("8.8.8.8", 53),
				tcp("10.60.0.1", 443),
				tcp("10.60.0.1", 6443),
				tcp("172.18.0.2", 10250),
				tcp("172.18.0.3", 6443),
				tcp("2001:db8::1", 443),
			}, metadata...),
		},
		"PublisherNarrowed": {
			why:    "only to the API server and DNS, and not to spokes",
			values: named,
			policy: publisher,
			may:    []flow{tcp("172.18.0.2", 6443), tcp("172.18.0.2", 443), udp("10.96.0.10", 53)},
			mayNot: append(
				[]flow{tcp("10.50.7.7", 443), tcp("8.8.8.8", 443), tcp("172.18.0.3", 6443), tcp("172.18.0.2", 10250)},
				metadata...),
		},
		"WithdrawalNarrowed": {
			why: "the job of the uninstallation needs the same", values: named, policy: withdrawal,
			may:    []flow{tcp("172.18.0.2", 6443), udp("10.96.0.10", 53)},
			mayNot: append([]flow{tcp("10.50.7.7", 443), tcp("8.8.8.8", 443)}, metadata...),
		},
		"ServerNamedSpokesAnywhere": {
			why:    "the API server may be where no spoke is",
			values: "networkPolicy: {enabled: true, apiServerTo: [{ipBlock: {cidr: 169.254.2.1/32}}]}",
			policy: consumer,
			may:    []flow{tcp("169.254.2.1", 6443), tcp("10.60.0.1", 443)},
			mayNot: []flow{tcp("169.254.2.1", 80), tcp("169.254.169.254", 443)},
		},
		"OwnPorts": {
			why: "and at a port of its own", values: named + "  apiServerPorts: [16443]\n", policy: publisher,
			may:    []flow{tcp("172.18.0.2", 16443)},
			mayNot: []flow{tcp("172.18.0.2", 6443), tcp("8.8.8.8", 16443)},
		},
		"OwnDNS": {
			why:    "a server at port 53 need not be a name server",
			values: named + "  dnsPorts: [53, 5353]\n",
			policy: consumer,
			may:    []flow{udp("10.96.0.10", 53), tcp("10.96.0.10", 53), udp("10.96.0.10", 5353)},
			mayNot: []flow{tcp("8.8.8.8", 53), udp("8.8.8.8", 53), tcp("169.254.169.254", 53)},
		},
		"PublisherAlone": {
			why: "without a consumer nobody dials spokes", values: "consumer: {enabled: false}" + narrow, policy: publisher,
			may:    []flow{tcp("172.18.0.2", 6443)},
			mayNot: metadata,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, object := range render(t, c.values, onHub(t)...) {
				if object.GetKind() != "NetworkPolicy" || object.GetName() != c.policy {
					continue
				}
				accept(t, object)
				policy := as[networkingv1.NetworkPolicy](t, object)
				for _, f := range c.may {
					if !allows(&policy, f) {
						t.Errorf("%s may not connect to %v: %s", c.policy, f, c.why)
					}
				}
				for _, f := range c.mayNot {
					if allows(&policy, f) {
						t.Errorf("%s may connect to %v: %s", c.policy, f, c.why)
					}
				}
				return
			}
			t.Errorf("there is no NetworkPolicy %s", c.policy)
		})
	}
}

// allows says whether a rule of the policy lets a connection out. Peers that select pods let no bare address through.
func allows(policy *networkingv1.NetworkPolicy, f flow) bool {
	if !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
		return true
	}
	return slices.ContainsFunc(policy.Spec.Egress, func(rule networkingv1.NetworkPolicyEgressRule) bool {
		return (len(rule.Ports) == 0 || slices.ContainsFunc(rule.Ports, f.uses)) &&
			(len(rule.To) == 0 || slices.ContainsFunc(rule.To, f.goesTo))
	})
}

func (f flow) uses(port networkingv1.NetworkPolicyPort) bool {
	protocol := corev1.ProtocolTCP
	if port.Protocol != nil {
		protocol = *port.Protocol
	}
	return protocol == f.protocol && (port.Port == nil || port.Port.IntVal == f.port)
}

func (f flow) goesTo(peer networkingv1.NetworkPolicyPeer) bool {
	if peer.IPBlock == nil {
		return false
	}
	to := netip.MustParseAddr(f.to)
	contains := func(cidr string) bool { return netip.MustParsePrefix(cidr).Contains(to) }
	return contains(peer.IPBlock.CIDR) && !slices.ContainsFunc(peer.IPBlock.Except, contains)
}

// TestNetworkPolicyWantsTheServer: a consumer that is confined to its spokes loses the hub unless it knows where that is, and
// a rule for "the API server, wherever it is" would let it dial everybody.
func TestNetworkPolicyWantsTheServer(t *testing.T) {
	g := NewWithT(t)
	_, err := template(t, "access: {mode: scoped}\nconsumer: {enabled: false}"+narrow)
	g.Expect(err).To(MatchError(ContainSubstring("networkPolicy.apiServerTo: must name")), "the broker dials spokes too")
	_, err = template(t, narrow)
	g.Expect(err).
		To(MatchError(And(ContainSubstring("networkPolicy.apiServerTo: must name"),
			ContainSubstring("kubectl get endpointslice kubernetes -n default"))))

	slice := &discoveryv1.EndpointSlice{}
	g.Expect(k8s.Get(t.Context(), client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: "kubernetes"}, slice)).To(Succeed())
	server := netip.MustParseAddr(slice.Endpoints[0].Addresses[0])
	said, err := dryRun(t, narrow)
	g.Expect(err).To(HaveOccurred())
	g.Expect(said).To(And(
		ContainSubstring("networkPolicy.apiServerTo: must name"),
		ContainSubstring(`networkPolicy.apiServerTo: [{"ipBlock":{"cidr":"%s"}}]`, netip.PrefixFrom(server, server.BitLen())),
		ContainSubstring("networkPolicy.apiServerPorts: [%d]", *slice.Ports[0].Port),
	))
}

// TestNetworkPolicyWantsTheNameServers: a profile may name any port, and so a rule for "the name servers, wherever they are" would let
// everybody be dialled who listens at theirs.
func TestNetworkPolicyWantsTheNameServers(t *testing.T) {
	g := NewWithT(t)
	const server = narrow + "  apiServerTo: [{ipBlock: {cidr: 172.18.0.2/32}}]\n"
	for dialer, values := range map[string]string{
		"consumer": server,
		"broker":   "access: {mode: scoped}\nconsumer: {enabled: false}" + server,
	} {
		_, err := template(t, values)
		g.Expect(err).To(MatchError(And(ContainSubstring("networkPolicy.dnsTo: must name"),
			ContainSubstring("kubectl get pods -n kube-system -l k8s-app=kube-dns"))), dialer)
	}
	_, err := template(t, "consumer: {enabled: false}"+server)
	g.Expect(err).NotTo(HaveOccurred(), "without consumer and broker nobody dials spokes")
	_, err = template(t, server+"  dnsTo: [{ipBlock: {cidr: 10.96.0.10/32}}]\n")
	g.Expect(err).NotTo(HaveOccurred())
}
