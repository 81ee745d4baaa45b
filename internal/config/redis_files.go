package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// ServerPassword returns what the gate logs in to Redis with, "" where nothing
// is configured. The file is read at each call, without the line end that
// editors leave there. How long it is, is the server's business.
func (r Redis) ServerPassword() (string, error) {
	return readPassword("redis.password_file", r.Password, r.PasswordFile, "Redis asks")
}

// WatcherPassword returns what the gate logs in to the Sentinels with, in the
// same way.
func (r Redis) WatcherPassword() (string, error) {
	return readPassword("redis.sentinel_password_file", r.SentinelPassword, r.SentinelPasswordFile, "the Sentinels ask")
}

func readPassword(path string, direct Secret, file, whoAsks string) (string, error) {
	if direct != "" || file == "" {
		return string(direct), nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, unreadable(file, err))
	}
	content = bytes.TrimRight(content, "\r\n")
	if len(content) == 0 {
		return "", fmt.Errorf("%s: %s is empty; leave the key out where %s for no password", path, file, whoAsks)
	}
	return string(content), nil
}

// Config reads the certificates. It is nil where TLS is not enabled.
func (t RedisTLS) Config() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	authorities, err := t.authorities()
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	if t.CertFile == "" {
		return c, nil
	}
	pair, err := t.pair()
	if err != nil {
		return nil, err
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// authorities are who may have signed the server's certificate; nil: whom the
// system trusts.
func (t RedisTLS) authorities() (*x509.CertPool, error) {
	if t.CAFile == "" {
		return nil, nil
	}
	content, err := readTLSFile("redis.tls.ca_file", t.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("redis.tls.ca_file: %s holds no certificate in PEM; its first line would be -----BEGIN CERTIFICATE-----", t.CAFile)
	}
	return pool, nil
}

func (t RedisTLS) pair() (tls.Certificate, error) {
	return readPair("redis.tls", t.CertFile, t.KeyFile)
}

func readTLSFile(path, file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, unreadable(file, err))
	}
	return content, nil
}

// redis checks what the gate connects to Redis with. Whether a server answers
// is not asked: the gate starts without it.
func (i *inspection) redis(r Redis) {
	_, err := r.ServerPassword()
	i.broken(err)
	_, err = r.WatcherPassword()
	i.broken(err)
	_, authorities := r.TLS.authorities()
	i.broken(authorities)
	if r.TLS.CertFile != "" {
		_, err := r.TLS.pair()
		i.broken(err)
	}
	for _, secret := range []struct{ path, file string }{
		{"redis.password_file", r.PasswordFile},
		{"redis.sentinel_password_file", r.SentinelPasswordFile},
		{"redis.tls.key_file", r.TLS.KeyFile},
	} {
		if secret.file != "" {
			i.openSecret(secret.path, secret.file)
		}
	}
	for n, address := range r.Addresses {
		i.socket(joinIndex("redis.addresses", n), address, "Redis running, and is this its unixsocket", "unixsocketperm of Redis")
	}
}

// broken takes over an error that names its key.
func (i *inspection) broken(err error) {
	if err != nil {
		i.mistakes = append(i.mistakes, &Error{Message: err.Error()})
	}
}
