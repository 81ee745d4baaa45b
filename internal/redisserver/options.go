package redisserver

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Options says what server to start. The zero value of each field is usable.
type Options struct {
	// Binary is the redis-server to run; "" is the one in PATH.
	Binary string
	// Unix has the server listen on a unix socket of its scratch folder
	// instead of a TCP port.
	Unix bool
	// TLS has the server speak TLS only, with a certificate for 127.0.0.1 and
	// localhost from an authority of its own: CAFile, TLSConfig. It asks for
	// no certificate of the client. Not together with Unix.
	TLS bool
	// User and Password are what clients must say. With a User of its own the
	// user "default" is off; with Password alone they are the default user's.
	// "" for both lets everybody in.
	User, Password string
	// Cluster has the server be a node of a cluster, so far without slots and
	// without knowing another node.
	Cluster bool
	// Config are more lines of redis.conf, by name, over the package's own:
	// {"maxmemory-policy": "allkeys-lru"}. A value is written as it is, so
	// what has spaces in it is quoted by the caller or is several arguments.
	Config map[string]string
	// Dir is the scratch folder; "" is a temporary one that Close removes.
	Dir string
}

// maxSocketPath is what sun_path holds on Linux, without the closing NUL.
const maxSocketPath = 107

// configWriter writes lines of redis.conf and keeps the first one that it
// could not write.
type configWriter struct {
	out bytes.Buffer
	err error
}

func (w *configWriter) line(name string, arguments ...any) {
	text := name
	for _, a := range arguments {
		text += " " + fmt.Sprint(a)
	}
	if strings.ContainsAny(text, "\r\n\x00") && w.err == nil {
		w.err = fmt.Errorf("redisserver: %q cannot be written to redis.conf: it is more than a line", text)
	}
	w.out.WriteString(text + "\n")
}

// quoted is for paths, which Redis reads between double quotes.
func quoted(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
}

// config renders redis.conf for a server that listens where at says.
func (o Options) config(at place) ([]byte, error) {
	var w configWriter
	w.line("daemonize", "no")
	w.line("bind", loopback)
	w.line("dir", quoted(at.dir))
	w.line("port", 0)
	switch {
	case o.Unix && o.TLS:
		return nil, fmt.Errorf("redisserver: a unix socket has no TLS")
	case o.Unix && len(at.socket()) > maxSocketPath:
		return nil, fmt.Errorf("redisserver: socket path %s has %d bytes, at most %d are possible", at.socket(), len(at.socket()), maxSocketPath)
	case o.Unix:
		w.line("unixsocket", quoted(at.socket()))
	case o.TLS:
		w.line("tls-port", at.port.Number())
		w.line("tls-cert-file", quoted(at.certFile()))
		w.line("tls-key-file", quoted(at.keyFile()))
		w.line("tls-ca-cert-file", quoted(at.caFile()))
		w.line("tls-auth-clients", "no")
	default:
		w.line("port", at.port.Number())
	}
	if o.Cluster {
		w.line("cluster-enabled", "yes")
		w.line("cluster-port", at.bus.Number())
	}
	switch {
	case o.Password == "" && o.User != "":
		return nil, fmt.Errorf("redisserver: user %q has no password", o.User)
	case o.Password != "":
		o.guard(&w)
	}
	settings := map[string]string{"save": `""`, "appendonly": "no"}
	maps.Copy(settings, o.Config)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		w.line(name, settings[name])
	}
	return w.out.Bytes(), w.err
}

// guard writes who is let in, where a password is set.
func (o Options) guard(w *configWriter) {
	if o.user() != defaultUser {
		w.line("user", defaultUser, "off")
	}
	// The hash, since a password may have characters that end a word.
	w.line("user", o.user(), "on", fmt.Sprintf("#%x", sha256.Sum256([]byte(o.Password))), "~*", "&*", "+@all")
}

const defaultUser = "default"

func (o Options) user() string {
	if o.User == "" {
		return defaultUser
	}
	return o.User
}
