//go:build !linux

package spool

import "os"

func openUnlinked(dir string) (*os.File, string, error) { return createAndRemove(dir) }

func onTmpfs(string) bool { return false }
