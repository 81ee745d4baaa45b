package housestyle

import "testing"

// TestHouseStyle reads the whole module. A finding is a failure of the package that it names, not of this one.
func TestHouseStyle(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	pkgs, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) == 0 {
		t.Fatalf("no .go file below %s", root)
	}
	for _, found := range check(pkgs) {
		t.Error(found)
	}
}

func TestTestdataToolsAndHiddenFoldersAreLeftOut(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	pkgs, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		switch firstFolder(p.dir) {
		case "tools", "bin", "dist", ".git", ".ci":
			t.Errorf("%s was read", p.dir)
		}
	}
}
