package limiter

import (
	"net/netip"
	"testing"
)

func TestClientsAreAddressesAndSites(t *testing.T) {
	for _, test := range []struct {
		a, b                string
		client, fromNetwork bool // the same
	}{
		{"192.0.2.1", "192.0.2.1", true, true},
		{"192.0.2.1", "::ffff:192.0.2.1", true, true},
		{"192.0.2.1", "192.0.2.2", false, true},
		{"192.0.2.1", "192.0.3.1", false, true},
		{"192.0.2.1", "192.1.2.1", false, false},
		{"2001:db8:1:2:3::1", "2001:db8:1:2:4::1", true, true},
		{"2001:db8:1:2::1%eth0", "2001:db8:1:2::1", true, true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false, true},
		{"2001:db8::1", "2001:db9::1", false, false},
		{"0.0.0.0", "::", false, false},
	} {
		a, b := ClientKey(netip.MustParseAddr(test.a)), ClientKey(netip.MustParseAddr(test.b))
		if (a.id == b.id) != test.client || (a.network == b.network) != test.fromNetwork {
			t.Errorf("%s and %s: %x, %x", test.a, test.b, a, b)
		}
	}
	if nobody := ClientKey(netip.Addr{}); nobody != All {
		t.Errorf("no address is %x", nobody)
	}
}

func TestWhereAKeyCameFromIsNoPartOfIt(t *testing.T) {
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for name, k := range map[string]Key{"text": TextKey("Mozilla/5.0"), "hash": HashKey([16]byte{1}), "all": All} {
		if a, b := k.From(here), k.From(there); a.id != b.id || a.id != k.id || a.network == b.network {
			t.Errorf("%s: %x, %x", name, a, b)
		}
	}
	if TextKey("a") == TextKey("b") {
		t.Error("two texts have one key")
	}
}
