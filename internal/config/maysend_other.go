//go:build !unix

package config

// maySend leaves it to the connection to fail.
func maySend(string) error { return nil }
