package fpm

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFindPrefersTheNewest(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files []string
		want  string
	}{
		{"by minor version", []string{"a/php-fpm8.2", "b/php-fpm8.10"}, "b/php-fpm8.10"},
		{"by major version", []string{"a/php-fpm7.4", "b/php-fpm8.0"}, "b/php-fpm8.0"},
		{"a version before none", []string{"a/php-fpm", "b/php-fpm7.4"}, "b/php-fpm7.4"},
		{"Alpine's spelling", []string{"a/php-fpm82", "a/php-fpm83"}, "a/php-fpm83"},
		{"version in the folder", []string{"a/php-fpm8.2", "php8.4/sbin/php-fpm"}, "php8.4/sbin/php-fpm"},
		{"nothing else", []string{"a/php-fpm"}, "a/php-fpm"},
		{"no other names", []string{"a/php-fpm8.2", "a/php-fpm9.9.conf", "a/php-fpm-healthcheck"}, "a/php-fpm8.2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			base := t.TempDir()
			var dirs []string
			for _, file := range tc.files {
				path := filepath.Join(base, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o755); err != nil {
					t.Fatal(err)
				}
				dirs = append(dirs, filepath.Dir(path))
			}
			got, err := findIn(dirs)
			if err != nil || got != filepath.Join(base, tc.want) {
				t.Errorf("findIn = %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestFindIgnoresWhatCannotRun(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "php-fpm8.2"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := findIn([]string{dir, "."}); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("findIn = %q, %v, want ErrNotInstalled", got, err)
	}
}
