// Package housestyle holds the source tree to the rules of CONTRIBUTING.md that a compiler does not know: a doc page for
// every package, files and functions of a readable length, imports that point one way, tests that do not sleep,
// names that say something.
//
// It is run as a test: TestHouseStyle walks the module and reports every finding with file, line and what would be
// right. Each rule has samples of its own that it must find, so a rule that has stopped looking fails too.
//
// Invariants: nothing is written, nothing is built, no network is used; only the module's own .go files are read.
// Folders named testdata, hidden folders, build output and modules of their own (tools/) are left out.
//
// It does not judge formatting, vet problems or correctness: gofumpt, go vet and golangci-lint do (make lint).
package housestyle
