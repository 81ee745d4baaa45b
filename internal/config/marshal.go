package config

import (
	"bytes"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// YAML writes the configuration as a file that Load reads to the same
// configuration. Every key is written, secrets are not.
func (cfg *Config) YAML() ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(sectionNode(reflect.ValueOf(*cfg))); err != nil {
		return nil, err
	}
	if err := encoder.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func sectionNode(section reflect.Value) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(section.Type()) {
		value := section.Field(f.index)
		if value.Kind() == reflect.Pointer {
			value = value.Elem()
		}
		if !value.IsValid() || f.typ == secretType || value.Kind() == reflect.Slice && value.IsNil() {
			continue
		}
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.key}, valueNode(value))
	}
	return node
}

func valueNode(value reflect.Value) *yaml.Node {
	switch {
	case isScalar(value.Type()):
		return scalarNode(value)
	case value.Kind() == reflect.Struct:
		return sectionNode(value)
	}
	node := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range value.Len() {
		node.Content = append(node.Content, valueNode(value.Index(i)))
	}
	return node
}

// scalarNode puts text in quotes wherever YAML would take it for something
// else.
func scalarNode(value reflect.Value) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Value: formatScalar(value.Interface())}
	if value.Kind() == reflect.String {
		node.SetString(node.Value)
		node.Tag = "!!str"
	}
	return node
}
