package redisserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certificateLife is more than any test or measurement takes.
const certificateLife = 24 * time.Hour

// writeCertificates makes an authority and a certificate that it signed for the
// server, writes both where the configuration says, and returns what trusts
// them.
func writeCertificates(at *place) (*tls.Config, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("redisserver: certificate: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("redisserver: certificate: %w", err)
	}
	ca := certificate("sessiongate test authority")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, fmt.Errorf("redisserver: certificate: %w", err)
	}
	own := certificate("localhost")
	own.SerialNumber = big.NewInt(2)
	own.KeyUsage, own.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	own.DNSNames, own.IPAddresses = []string{"localhost"}, []net.IP{net.ParseIP(loopback)}
	ownDER, err := x509.CreateCertificate(rand.Reader, own, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, fmt.Errorf("redisserver: certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("redisserver: certificate: %w", err)
	}
	for _, f := range []struct {
		path, kind string
		der        []byte
	}{
		{at.caFile(), "CERTIFICATE", caDER},
		{at.certFile(), "CERTIFICATE", ownDER},
		{at.keyFile(), "PRIVATE KEY", keyDER},
	} {
		if err := os.WriteFile(f.path, pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), 0o600); err != nil {
			return nil, fmt.Errorf("redisserver: certificate: %w", err)
		}
	}
	return trusting(caDER)
}

func certificate(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // clocks are set back now and then
		NotAfter:     now.Add(certificateLife),
	}
}

func trusting(authority []byte) (*tls.Config, error) {
	ca, err := x509.ParseCertificate(authority)
	if err != nil {
		return nil, fmt.Errorf("redisserver: certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
