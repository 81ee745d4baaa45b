package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// parseScalar reads the text of one value of the type. It serves the file,
// the environment and the flags, so that all three are equally strict.
func parseScalar(t reflect.Type, text string) (any, error) {
	if allowed, ok := allowedWords[t]; ok {
		return parseWord(t, allowed, text)
	}
	switch t {
	case durationType:
		return parseDuration(text)
	case sizeType:
		return parseSize(text)
	case rateType:
		return parseRate(text)
	case requestRateType:
		return parseRequestRate(text)
	case prefixType:
		return parsePrefix(text)
	case secretType:
		return Secret(text), nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return parseBool(text)
	case reflect.Int:
		return parseInt(text)
	default:
		return parseText(text)
	}
}

func parseWord(t reflect.Type, allowed []string, text string) (any, error) {
	for _, word := range allowed {
		if word == text {
			return reflect.ValueOf(text).Convert(t).Interface(), nil
		}
	}
	message := fmt.Sprintf("found %s, allowed are %s", quote(text), strings.Join(allowed, ", "))
	if near := nearest(text, allowed); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return nil, errors.New(message)
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("found %s, want true or false", quote(text))
}

// parseInt takes decimal numbers only: YAML would read 010 as 8.
func parseInt(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%s is too large", quote(text))
	}
	if err != nil || strconv.Itoa(n) != text {
		return 0, fmt.Errorf("found %s, want a whole number in plain decimal digits", quote(text))
	}
	return n, nil
}

// parseText refuses what no name, path or pattern holds, and what would break
// the lines of a log.
func parseText(text string) (string, error) {
	for _, r := range text {
		if r < ' ' || r == 0x7f {
			return "", fmt.Errorf("found %s, which has a control character in it", quote(text))
		}
	}
	return text, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.Prefix{}, fmt.Errorf("%s is an address; write it as a network, %s/%d", text, text, addr.BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%s is not a network; write an address and a length, as in 10.0.0.0/8", quote(text))
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits set beyond its length; write %s", text, prefix.Masked())
	}
	return prefix, nil
}

// wanted says what a value of the type looks like.
func wanted(t reflect.Type) string {
	if allowed, ok := allowedWords[t]; ok {
		return "one of " + strings.Join(allowed, ", ")
	}
	switch t {
	case durationType:
		return "a duration such as 30s"
	case sizeType:
		return "a size such as 64KiB"
	case rateType:
		return "a rate such as 1KiB/s"
	case requestRateType:
		return "a rate such as 5/s"
	case prefixType:
		return "a network such as 10.0.0.0/8"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Struct:
		return "a section with the keys " + strings.Join(keysOf(t), ", ")
	case reflect.Slice:
		if isScalar(t.Elem()) {
			return "a list"
		}
		return "a list of sections with the keys " + strings.Join(keysOf(t.Elem()), ", ")
	default:
		return "text"
	}
}

// Format writes a value as an operator would: 1m, 64MiB, true.
func Format(value any) string { return formatScalar(value) }

// formatScalar writes a value as the operator would.
func formatScalar(value any) string {
	switch value := value.(type) {
	case time.Duration:
		return formatDuration(value)
	case fmt.Stringer:
		return value.String()
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	default:
		return v.String()
	}
}
