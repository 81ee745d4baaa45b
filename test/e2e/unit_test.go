package e2e

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sessiongate/sessiongate/internal/config"
	"github.com/sessiongate/sessiongate/internal/gatetest"
)

const (
	serviceFile     = "../../deploy/systemd/sessiongate.service"
	socketFile      = "../../deploy/systemd/sessiongate.socket"
	installedBinary = "/usr/local/bin/sessiongate"
	installedConfig = "/etc/sessiongate/config.yaml"
)

// unit is what a unit of systemd says, by "Section.Key".
type unit map[string][]string

func readUnit(t *testing.T, path string) unit {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	u, section := unit{}, ""
	for _, line := range strings.Split(string(content), "\n") {
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
		} else if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			u[section+"."+key] = append(u[section+"."+key], value)
		}
	}
	return u
}

// one is the value of a key that is said once.
func (u unit) one(t *testing.T, key string) string {
	t.Helper()
	if len(u[key]) != 1 {
		t.Fatalf("%s is said %d times", key, len(u[key]))
	}
	return u[key][0]
}

// command is one of the unit's, with the program and the file of this test.
func (u unit) command(t *testing.T, line, file string, pid int) *exec.Cmd {
	t.Helper()
	words := strings.Fields(strings.NewReplacer(installedConfig, file, "$MAINPID", strconv.Itoa(pid)).Replace(line))
	if words[0] != installedBinary {
		return exec.Command(words[0], words[1:]...)
	}
	return command(t, words[1:]...)
}

// reload does what systemctl reload does. It says whether that succeeds.
func (u unit) reload(t *testing.T, file string, pid int) (said string, ok bool) {
	t.Helper()
	for _, line := range u["Service.ExecReload"] {
		if out, err := u.command(t, line, file, pid).CombinedOutput(); err != nil {
			return string(out), false
		}
	}
	return "", true
}

func TestTheUnitStartsAndReloadsTheGate(t *testing.T) {
	u, s := readUnit(t, serviceFile), newSupervisor(t)
	r := &reloading{file: filepath.Join(t.TempDir(), "config.yaml"), parts: []string{inFrontOf(startPHP(t, 1))}}
	r.write(t)
	cmd := u.command(t, u.one(t, "Service.ExecStart"), r.file, 0)
	cmd.Env = append(cmd.Env, s.environment())
	r.process = serve(t, cmd)
	if got := u.one(t, "Service.Type"); got != "notify" {
		t.Errorf("Type=%s: versions before 253 do not know it", got)
	}
	s.want(t, "READY=1", "STATUS=")

	r.write(t, refusing("/trivial.php", 451))
	if said, ok := u.reload(t, r.file, r.Process.Pid); !ok {
		t.Errorf("a good file: %s", said)
	}
	s.want(t, "RELOADING=1", "MONOTONIC_USEC=")
	s.want(t, "READY=1", "STATUS=")
	r.gate.get(t, "/trivial.php", "one").want(t, 451)

	r.write(t, "lock: {busy: rejekt}")
	if said, ok := u.reload(t, r.file, r.Process.Pid); ok || !strings.Contains(said, "lock.busy: ") {
		t.Errorf("a bad file: succeeds %v, says %q", ok, said)
	}
	s.want(t, "RELOADING=1", "MONOTONIC_USEC=")
	s.want(t, "READY=1", "STATUS=")
	r.gate.get(t, "/trivial.php", "one").want(t, 451)
}

func TestTheUnitFitsTheConfiguration(t *testing.T) {
	u, c := readUnit(t, serviceFile), config.Defaults()
	stop, err := time.ParseDuration(u.one(t, "Service.TimeoutStopSec"))
	if least := c.Server.DrainDelay + c.Server.DrainTimeout + 10*time.Second; err != nil || stop < least {
		t.Errorf("TimeoutStopSec is %v (%v), at least %v are needed to drain and to close", stop, err, least)
	}
	files, err := strconv.Atoi(u.one(t, "Service.LimitNOFILE"))
	if least := 3*c.Server.MaxConnections + 2*c.Server.MaxUpgraded; err != nil || files < least {
		t.Errorf("LimitNOFILE is %d (%v), at least %d are needed", files, err, least)
	}
	if got, want := readUnit(t, socketFile).one(t, "Socket.ListenStream"), strings.TrimPrefix(c.Server.Listen, ":"); got != want {
		t.Errorf("ListenStream is %s, server.listen %s", got, want)
	}
	if got, want := u.one(t, "Service.Environment"), "TMPDIR=%C/"+u.one(t, "Service.CacheDirectory"); c.Spool.Dir == "" && got != want {
		t.Errorf("Environment is %s, want %s, where there may be written", got, want)
	}
}

// TestSystemdTakesTheUnits asks systemd itself: misspelt keys and values are warnings of it.
func TestSystemdTakesTheUnits(t *testing.T) {
	args := []string{"verify", "--man=no"}
	dir := t.TempDir()
	for _, file := range []string{serviceFile, socketFile} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(content), installedBinary, gatetest.Binary(t))), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if out, err := exec.Command("systemd-analyze", args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// What the page on operations says about the unit's paths is what stands in the unit.
func TestTheDocsInstallWhatTheUnitNames(t *testing.T) {
	content, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	u := readUnit(t, serviceFile)
	names := map[string]string{"binary": installedBinary, "configuration": installedConfig, "user": "--system --no-create-home --shell /usr/sbin/nologin --user-group " + u.one(t, "Service.User")}
	for _, what := range slices.Sorted(maps.Keys(names)) {
		if !strings.Contains(string(content), names[what]) {
			t.Errorf("docs/operations.md does not name the %s %s", what, names[what])
		}
	}
	for _, path := range []string{installedBinary, installedConfig} {
		if !strings.Contains(u.one(t, "Service.ExecStart"), path) {
			t.Errorf("ExecStart has no %s", path)
		}
	}
}
