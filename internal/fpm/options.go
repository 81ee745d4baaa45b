package fpm

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options says what pool to start. The zero value of each field but Root is
// usable.
type Options struct {
	// Binary is the php-fpm to run; "" is what Find finds.
	Binary string
	// Root is the document root, as an existing folder. It becomes the
	// workers' DOCUMENT_ROOT only through what the client sends; here it is
	// the folder they start in.
	Root string
	// Workers is pm.max_children of a static pool; 0 is 2.
	Workers int
	// Socket is the path of a unix socket to listen on; "" is a free TCP port
	// of 127.0.0.1.
	Socket string
	// Backlog is listen.backlog; 0 is php-fpm's default.
	Backlog int
	// Ini sets php_admin_value entries, over the pool's own defaults.
	Ini map[string]string
	// Env is the environment the pages see through getenv.
	Env map[string]string
	// SlowLog is the file that gets a stack trace of requests longer than
	// SlowLogTimeout (whole seconds); "" or 0 is none.
	SlowLog        string
	SlowLogTimeout time.Duration
	// TerminateTimeout is request_terminate_timeout (whole seconds); 0 is none.
	TerminateTimeout time.Duration
	// ControlTimeout is process_control_timeout (whole seconds), for which Reload
	// lets scripts run on; 0 is none: they are ended.
	ControlTimeout time.Duration
	// StatusPath is pm.status_path; "" is none.
	StatusPath string
	// PingPath is ping.path; "" is none.
	PingPath string
	// Dir is the scratch folder for configuration and sessions; "" is a
	// temporary one that Stop removes.
	Dir string
	// Log gets what php-fpm itself says; nil drops it.
	Log io.Writer
}

// sessionDir is where the pool's sessions are kept below the scratch folder.
func sessionDir(dir string) string { return filepath.Join(dir, "sessions") }

// config renders the php-fpm configuration for a pool listening on address.
func (o Options) config(listen, dir string) ([]byte, error) {
	var b bytes.Buffer
	w := configWriter{out: &b}
	w.section("global")
	// php-fpm -O writes its log to stderr as well, which is where it is wanted.
	w.set("error_log", "/dev/null")
	w.set("daemonize", "no")
	if o.ControlTimeout > 0 {
		w.set("process_control_timeout", seconds(o.ControlTimeout))
	}
	w.section("sessiongate")
	if os.Geteuid() == 0 {
		w.set("user", "root")
		w.set("group", "root")
	}
	w.set("listen", listen)
	if o.Backlog > 0 {
		w.set("listen.backlog", fmt.Sprint(o.Backlog))
	}
	w.set("chdir", o.Root)
	w.set("pm", "static")
	w.set("pm.max_children", fmt.Sprint(max(o.Workers, 0)))
	if o.StatusPath != "" {
		w.set("pm.status_path", o.StatusPath)
	}
	if o.PingPath != "" {
		w.set("ping.path", o.PingPath)
	}
	if o.SlowLog != "" && o.SlowLogTimeout > 0 {
		w.set("slowlog", o.SlowLog)
		w.set("request_slowlog_timeout", seconds(o.SlowLogTimeout))
	}
	if o.TerminateTimeout > 0 {
		w.set("request_terminate_timeout", seconds(o.TerminateTimeout))
	}
	w.setEach("env", o.Env)
	if _, said := o.Ini["session.save_handler"]; !said {
		// Not an admin value: a page may bring a handler of its own.
		w.set("php_value[session.save_handler]", "files")
	}
	w.setEach("php_admin_value", o.ini(dir))
	return b.Bytes(), w.err
}

// ini merges the caller's settings over the pool's defaults.
func (o Options) ini(dir string) map[string]string {
	ini := map[string]string{
		"session.save_path": sessionDir(dir),
		"display_errors":    "0",
		"log_errors":        "1",
	}
	maps.Copy(ini, o.Ini)
	return ini
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%ds", int64((d+time.Second-1)/time.Second))
}

// configWriter writes ini lines and keeps the first value it could not write.
type configWriter struct {
	out *bytes.Buffer
	err error
}

func (w *configWriter) section(name string) { fmt.Fprintf(w.out, "[%s]\n", name) }

// set writes a value between single quotes, where php-fpm's ini reader expands
// nothing. What would end the quotes is refused, and so is the empty value,
// which php-fpm takes for a missing one.
func (w *configWriter) set(key, value string) {
	if value == "" || strings.ContainsAny(value, "'\r\n\x00") {
		w.fail(key, value)
		return
	}
	fmt.Fprintf(w.out, "%s = '%s'\n", key, value)
}

func (w *configWriter) setEach(key string, values map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name == "" || strings.ContainsAny(name, "[]='\"; \t\r\n\x00") {
			w.fail(key+"["+name+"]", values[name])
			continue
		}
		w.set(key+"["+name+"]", values[name])
	}
}

func (w *configWriter) fail(key, value string) {
	if w.err == nil {
		w.err = fmt.Errorf("fpm: %s = %q cannot be written to a php-fpm configuration: empty, or with quotes, line ends or NUL", key, value)
	}
}
