package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sessiongate/sessiongate/internal/docroot"
	"github.com/sessiongate/sessiongate/internal/owner"
)

// CheckFiles compares a configuration with the machine it is to run on: its
// folders, secret files, certificates, sockets and page. The first list holds what keeps the gate
// from serving, the second what is worth a warning. Nothing is left behind.
func CheckFiles(cfg *Config) (mistakes, warnings Errors) {
	return checkFiles(cfg, maySend)
}

// inspection gathers what CheckFiles finds.
type inspection struct {
	mistakes, warnings Errors
	maySend            func(path string) error
}

func checkFiles(cfg *Config, maySend func(path string) error) (mistakes, warnings Errors) {
	i := &inspection{maySend: maySend}
	i.spool(cfg.Spool.Dir)
	i.refusalPage(cfg.Refusals)
	i.secretFile("session.key_file", cfg.Session.KeyFile)
	i.secretFile("admin.token_file", cfg.Admin.TokenFile)
	i.listener("server.listen", cfg.Server.Listen)
	i.certificate(cfg.Server.TLS)
	i.listener("admin.listen", cfg.Admin.Listen)
	if cfg.UsesRedis() {
		i.redis(cfg.Redis)
	}
	for n, u := range cfg.Upstreams {
		path := joinIndex("upstreams", n)
		if u.Protocol == ProtocolFastCGI && u.LocalRoot != "" {
			if i.root(joinKey(path, "local_root"), &u) && len(cfg.Rules) > 0 && u.LooksAtFiles() {
				i.rootCase(joinKey(path, "local_root"), u.LocalRoot)
			}
		}
		for m, server := range u.Servers {
			i.server(joinKey(joinIndex(joinKey(path, "servers"), m), "address"), server.Address, u.Protocol)
		}
	}
	return i.mistakes, i.warnings
}

// LooksAtFiles says whether requests need local_root.
func (u *Upstream) LooksAtFiles() bool {
	return u.Protocol == ProtocolFastCGI && (u.Script != ScriptFront || u.Files)
}

func (i *inspection) mistake(path, message string, args ...any) {
	i.mistakes = append(i.mistakes, &Error{Path: path, Message: fmt.Sprintf(message, args...)})
}

func (i *inspection) warn(path, message string, args ...any) {
	i.warnings = append(i.warnings, &Error{Path: path, Message: fmt.Sprintf(message, args...)})
}

// folder reports a path that is no folder this user can enter.
func (i *inspection) folder(path, folder string) bool {
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		i.mistake(path, "%s", unreadable(folder, err))
	case !info.IsDir():
		i.mistake(path, "%s is not a folder", folder)
	default:
		return true
	}
	return false
}

// root opens a local_root as the gate does that looks at the files in it.
func (i *inspection) root(path string, u *Upstream) bool {
	if !i.folder(path, u.LocalRoot) {
		return false
	}
	if !u.LooksAtFiles() {
		return true
	}
	root, err := docroot.Open(u.LocalRoot)
	if err == nil {
		_ = root.Close()
		_, err = os.Stat(u.LocalRoot + "/.") // which takes the right to look below it
	}
	if err != nil {
		i.mistake(path, "%s", unreadable(u.LocalRoot, err))
	}
	return err == nil
}

func (i *inspection) spool(dir string) {
	const path = "spool.dir"
	if dir == "" {
		dir = os.TempDir()
	}
	if !i.folder(path, dir) {
		return
	}
	file, err := os.CreateTemp(dir, ".sessiongate-check-*")
	if err != nil {
		i.mistake(path, "no file can be made in %s: %s; %s", dir, plainCause(err), owner.Of(dir))
		return
	}
	file.Close()
	os.Remove(file.Name())
	if isTmpfs(dir) {
		i.warn(path, "%s is a tmpfs: what is spooled there takes memory, not disk", dir)
	}
}

func (i *inspection) secretFile(path, file string) {
	if file == "" {
		return
	}
	_, err := readSecret(path, "", file)
	i.broken(err)
	if err == nil {
		i.openSecret(path, file)
	}
}

// openSecret warns of a secret that is none on this machine.
func (i *inspection) openSecret(path, file string) {
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o004 != 0 {
		i.warn(path, "everybody on this machine can read %s; chmod 640 or less is enough", file)
	}
}

// listener checks the folder of a socket. Addresses are checked by listening.
func (i *inspection) listener(path, listen string) {
	network, socket := SplitAddress(listen)
	if network != "unix" || !i.folder(path, filepath.Dir(socket)) {
		return
	}
	if info, err := os.Stat(socket); err == nil && info.Mode()&fs.ModeSocket == 0 {
		i.mistake(path, "%s exists and is not a socket", socket)
	}
}

// server checks a socket that PHP-FPM, or an HTTP server, listens on.
func (i *inspection) server(path, address string, protocol Protocol) {
	if protocol == ProtocolHTTP {
		i.socket(path, address, "the server running, and does it listen there", "the mode of the socket")
		return
	}
	i.socket(path, address, "PHP-FPM running, and is this the listen of its pool",
		"listen.owner, listen.group and listen.mode of the PHP-FPM pool")
}

// socket checks a socket that somebody else listens on. One that is not there
// yet may come: the gate starts and makes do without it.
func (i *inspection) socket(path, address, running, settings string) {
	network, socket := SplitAddress(address)
	if network != "unix" {
		return
	}
	info, err := os.Stat(socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.warn(path, "%s does not exist; is %s?", socket, running)
	case err != nil:
		i.mistake(path, "%s", unreadable(socket, err))
	case info.Mode()&fs.ModeSocket == 0:
		i.mistake(path, "%s is not a socket", socket)
	case i.maySend(socket) != nil:
		i.mistake(path, "%s may not be opened by %s; %s. Add that user to the socket's group, or set %s", socket, owner.Me(), owner.Of(socket), settings)
	}
}

// plainCause is an error of the file system without the path, which the
// message has already.
func plainCause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
