package config

import (
	"crypto/tls"
	"fmt"
	"time"
)

// Pair reads the gate's own certificate and its key. It may be called again
// whenever the files have changed.
func (t ServerTLS) Pair() (tls.Certificate, error) {
	return readPair("server.tls", t.CertFile, t.KeyFile)
}

// readPair reads a certificate and its key; path is the section they stand in.
func readPair(path, certFile, keyFile string) (tls.Certificate, error) {
	cert, err := readTLSFile(joinKey(path, "cert_file"), certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readTLSFile(joinKey(path, "key_file"), keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %s and %s are no certificate with its key: %w", joinKey(path, "cert_file"), certFile, keyFile, err)
	}
	return pair, nil
}

// certificate checks what the gate shows to its clients. One that has ended is
// shown all the same: somebody may be about to renew it.
func (i *inspection) certificate(t ServerTLS) {
	if t.CertFile == "" {
		return
	}
	pair, err := t.Pair()
	if err != nil {
		i.broken(err)
		return
	}
	const path = "server.tls.cert_file"
	switch now := time.Now(); {
	case now.After(pair.Leaf.NotAfter):
		i.warn(path, "%s ended on %s: clients will not take it", t.CertFile, pair.Leaf.NotAfter.Format(time.RFC3339))
	case now.Before(pair.Leaf.NotBefore):
		i.warn(path, "%s begins on %s: clients will not take it before", t.CertFile, pair.Leaf.NotBefore.Format(time.RFC3339))
	}
	i.openSecret("server.tls.key_file", t.KeyFile)
}
