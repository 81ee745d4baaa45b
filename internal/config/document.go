package config

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"

	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"
)

// maxValues bounds the values of one file. A few lines of aliases to aliases
// stand for billions.
const maxValues = 100_000

// document is the decoder that viper reads the file with. It checks the YAML
// against the schema while lines, quotes and spelling are still there, and
// gives viper only what is right; the mistakes go to the report.
type document struct {
	report *report
	values int
}

// Decoder makes document viper's registry of decoders.
func (d *document) Decoder(string) (viper.Decoder, error) { return d, nil }

// Decode fills settings with the tree of the file.
func (d *document) Decode(content []byte, settings map[string]any) error {
	root, ok := d.parse(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")))
	if !ok {
		return nil
	}
	tree, _ := d.value(root, reflect.TypeFor[Config](), "").(map[string]any)
	for key, value := range tree {
		settings[key] = value
	}
	return nil
}

// parse returns the one document of the file; not ok where there is nothing
// to go on with.
func (d *document) parse(content []byte) (*yaml.Node, bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var file, more yaml.Node
	switch err := decoder.Decode(&file); {
	case errors.Is(err, io.EOF):
		return nil, false
	case err != nil:
		d.syntax(content, err)
		return nil, false
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		d.report.unreadable(origin{line: more.Line}, "", "a second document begins; write one document in one file")
		return nil, false
	case !errors.Is(err, io.EOF):
		d.syntax(content, err)
		return nil, false
	}
	return file.Content[0], !isNull(file.Content[0])
}

// syntax reports what the YAML parser could not read. Nothing follows from
// the rest of such a file.
func (d *document) syntax(content []byte, err error) {
	if line := tabbedLine(content); line > 0 {
		d.report.unreadable(origin{line: line}, "", "a tab in the indentation; YAML wants spaces")
		return
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	rest, ok := strings.CutPrefix(message, "line ")
	if !ok {
		d.report.unreadable(origin{}, "", "not YAML: %s", message)
		return
	}
	number, text := splitNumber(rest)
	line, _ := parseInt(number)
	d.report.unreadable(origin{line: line}, "", "not YAML, on this line or in the block that begins here: %s", strings.TrimPrefix(text, ": "))
}

func tabbedLine(content []byte) int {
	for i, line := range bytes.Split(content, []byte("\n")) {
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.ContainsRune(indent, '\t') && len(indent) < len(bytes.TrimRight(line, "\r")) {
			return i + 1
		}
	}
	return 0
}
