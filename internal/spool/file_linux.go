package spool

import (
	"os"

	"golang.org/x/sys/unix"
)

// openUnlinked asks for a file that never has a name; file systems that cannot
// do that (NFS, some overlays) get the portable way.
func openUnlinked(dir string) (*os.File, string, error) {
	f, err := os.OpenFile(dir, os.O_RDWR|os.O_EXCL|unix.O_TMPFILE, 0o600)
	if err != nil {
		return createAndRemove(dir)
	}
	return f, "", nil
}

// onTmpfs looks at the kind of file system below dir. Its type has other widths
// on other processors, hence the conversion.
func onTmpfs(dir string) bool {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return false
	}
	kind := uint32(st.Type)
	return kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC
}
