package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sessiongate/sessiongate/internal/fpm"
	"github.com/sessiongate/sessiongate/internal/fpm/fpmtest"
)

// nginxConf runs scripts as most do: the one that the path names, with what
// stands behind it as PATH_INFO, else the folder's index, else the front script.
const nginxConf = `daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes 1; %[4]s
events {}
http {
  access_log off; client_body_temp_path %[1]s/body; fastcgi_temp_path %[1]s/fastcgi; proxy_temp_path %[1]s/proxy; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  server {
    listen unix:%[2]s; root %[3]s; index index.php;
    location / { try_files $uri $uri/ /index.php$is_args$args; }
    location ~ [^/]\.php(/|$) {
      fastcgi_split_path_info ^(.+?\.php)(/.*)$; fastcgi_pass %[5]s;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; fastcgi_param SCRIPT_NAME $fastcgi_script_name; fastcgi_param PATH_INFO $fastcgi_path_info;
      fastcgi_param REQUEST_URI $request_uri; fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param CONTENT_TYPE $content_type;
    }
  }
}
`

// inFrontOfNginx is the configuration of a gate before nginx before a pool.
func inFrontOfNginx(t *testing.T, pool *fpm.Pool) string {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx = "/usr/sbin/nginx"; !exists(nginx) {
			t.Fatal("nginx is not installed; make test installs it")
		}
	}
	dir := t.TempDir()
	socket := filepath.Join(filepath.Dir(fpmtest.Socket(t)), "nginx.sock")
	path := filepath.Join(dir, "nginx.conf")
	conf := fmt.Sprintf(nginxConf, dir, socket, pool.Root(), userLine(), pool.Address())
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	startUntil(t, exec.Command(nginx, "-c", path, "-e", filepath.Join(dir, "start.log")), func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return fmt.Sprintf("upstream: {protocol: http, servers: [{address: 'unix:%s'}]}", socket)
}

func userLine() string {
	if os.Geteuid() == 0 {
		return "user root;"
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
