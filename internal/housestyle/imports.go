package housestyle

import (
	"slices"
	"strings"
)

// The rooms of docs/architecture.md, "Rooms". A package may import what stands lower; leaves may import leaves.
const (
	roomUnknown  = iota
	roomLibrary  // limiter, lockstore: others may import them, so they know nothing of this program
	roomLeaf     // internal/*, and the packages below proxy/
	roomServer   // proxy, internal/admin
	roomAssembly // internal/app
	roomTrial    // internal/demo: builds an app of its own
	roomCommands // internal/cli
	roomMain     // cmd/*
	roomTests    // test/*: imports anything, imported by nobody
)

var fixedRooms = map[string]int{
	"proxy":          roomServer,
	"internal/admin": roomServer,
	"internal/app":   roomAssembly,
	"internal/demo":  roomTrial,
	"internal/cli":   roomCommands,
	"test/php":       roomLeaf, // the sample pages: the demo serves them too
}

var roomsByFolder = []struct {
	folder string
	room   int
}{
	{"limiter", roomLibrary},
	{"lockstore", roomLibrary},
	{"proxy", roomLeaf},
	{"internal/admin", roomServer},
	{"internal", roomLeaf},
	{"cmd", roomMain},
	{"test", roomTests},
}

func roomOf(dir string) int {
	if room, ok := fixedRooms[dir]; ok {
		return room
	}
	for _, r := range roomsByFolder {
		if within(dir, r.folder) {
			return r.room
		}
	}
	return roomUnknown
}

func within(dir, folder string) bool {
	return dir == folder || strings.HasPrefix(dir, folder+"/")
}

// foreignToLibraries is what limiter and lockstore must not know of: HTTP, logging, configuration files.
var foreignToLibraries = []string{
	"net/http", "log", "log/slog", "github.com/rs/zerolog", "github.com/spf13/viper", "github.com/spf13/cobra", "go.yaml.in/yaml/v3",
}

// importDirection: imports point one way. Test files are free: they may need a real php-fpm.
func importDirection(p *pkg) []finding {
	if p.dir == "." {
		return nil
	}
	room := roomOf(p.dir)
	if room == roomUnknown {
		return []finding{{p.dir, "a folder that docs/architecture.md, Rooms, does not know"}}
	}
	var found []finding
	for _, f := range p.files {
		if f.isTest {
			continue
		}
		for _, imp := range f.ast.Imports {
			importPath := importOf(imp)
			if room == roomLibrary && slices.Contains(foreignToLibraries, importPath) {
				found = append(found, f.at(imp.Pos(), "%s is a library and must not know %s", p.dir, importPath))
			}
			to, ours := strings.CutPrefix(importPath, modulePath+"/")
			if ours && !mayImport(p.dir, to) {
				found = append(found, f.at(imp.Pos(), "%s must not import %s: imports point one way (docs/architecture.md, Rooms)", p.dir, to))
			}
		}
	}
	return found
}

func mayImport(from, to string) bool {
	fromRoom, toRoom := roomOf(from), roomOf(to)
	switch {
	case fromRoom == roomLibrary: // only within the same library: lockstore/lockstoretest -> lockstore
		return firstFolder(from) == firstFolder(to)
	case fromRoom == roomTests:
		return true
	case fromRoom == roomLeaf && toRoom == roomLeaf, within(to, from):
		return true
	default:
		return toRoom < fromRoom
	}
}

func firstFolder(dir string) string {
	folder, _, _ := strings.Cut(dir, "/")
	return folder
}
