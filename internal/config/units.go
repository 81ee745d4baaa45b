package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes. In the file it has a unit: 64KiB.
type Size int64

// The units of Size, each 1024 times the one before.
const (
	Byte Size = 1
	KiB       = 1024 * Byte
	MiB       = 1024 * KiB
	GiB       = 1024 * MiB
	TiB       = 1024 * GiB
)

// String gives the size as the operator writes it: 64KiB.
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	for _, unit := range sizeUnits {
		if s%unit.size == 0 {
			return strconv.FormatInt(int64(s/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B" // not reached: every size is a number of bytes
}

// Rate is a number of bytes per second. In the file: 1KiB/s.
type Rate int64

// String gives the rate as the operator writes it: 1KiB/s.
func (r Rate) String() string {
	if r == 0 {
		return "0"
	}
	return Size(r).String() + "/s"
}

// RequestRate is a number of requests per second. In the file it is a whole
// number per second, minute or hour: 5/s, 300/m, 10/h.
type RequestRate float64

// String gives the rate as the operator writes it, in the shortest period
// that makes it a whole number.
func (r RequestRate) String() string {
	if r == 0 {
		return "0"
	}
	for _, period := range ratePeriods {
		count := float64(r) * period.seconds
		if whole := math.Round(count); math.Abs(count-whole) < 1e-9*math.Max(1, whole) {
			return strconv.FormatFloat(whole, 'f', -1, 64) + period.name
		}
	}
	return strconv.FormatFloat(float64(r), 'g', -1, 64) + "/s"
}

var sizeUnits = []struct {
	name string
	size Size
}{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", Byte}}

var ratePeriods = []struct {
	name    string
	seconds float64
}{{"/s", 1}, {"/m", 60}, {"/h", 3600}}

// parseSize reads a number and its unit. A bare 0 needs none.
func parseSize(text string) (Size, error) {
	number, unit := splitNumber(text)
	if text == "0" {
		return 0, nil
	}
	if number == "" {
		return 0, fmt.Errorf("%s is not a size; write a whole number and B, KiB, MiB, GiB or TiB, as in 64KiB", quote(text))
	}
	if unit == "" {
		return 0, fmt.Errorf("%s has no unit; write %sB, %sKiB or %sMiB", text, number, number, number)
	}
	if unit[0] == '.' {
		return 0, fmt.Errorf("%s is not a whole number; take a smaller unit", quote(text))
	}
	for _, known := range sizeUnits {
		if unit == known.name {
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil || n > math.MaxInt64/int64(known.size) {
				return 0, fmt.Errorf("%s is too large", quote(text))
			}
			return Size(n) * known.size, nil
		}
	}
	return 0, fmt.Errorf("%s has the unknown unit %s; %s", quote(text), quote(unit), sizeUnitAdvice(number, unit))
}

func sizeUnitAdvice(number, unit string) string {
	folded := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(unit)), "B"), "I")
	for _, known := range sizeUnits {
		if folded == strings.TrimSuffix(strings.ToUpper(known.name), "IB") && known.size > 1 {
			return "did you mean " + number + known.name + "?"
		}
	}
	return "allowed are B, KiB, MiB, GiB, TiB"
}

func parseRate(text string) (Rate, error) {
	if text == "0" {
		return 0, nil
	}
	bytes, ok := strings.CutSuffix(text, "/s")
	if !ok {
		return 0, fmt.Errorf("%s is not a rate; write a size per second, as in 1KiB/s", quote(text))
	}
	size, err := parseSize(bytes)
	return Rate(size), err
}

func parseRequestRate(text string) (RequestRate, error) {
	if text == "0" {
		return 0, nil
	}
	number, unit := splitNumber(text)
	for _, period := range ratePeriods {
		if unit != period.name || number == "" {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil {
			return 0, fmt.Errorf("%s is too large", quote(text))
		}
		return RequestRate(float64(n) / period.seconds), nil
	}
	if number != "" && unit == "" {
		return 0, fmt.Errorf("%s has no period; write %s/s, %s/m or %s/h", text, number, number, number)
	}
	return 0, fmt.Errorf("%s is not a rate; write a whole number of requests per second, minute or hour, as in 5/s, 300/m, 10/h", quote(text))
}

// parseDuration reads a Go duration. A bare 0 needs no unit: it means no
// limit, not a length of time.
func parseDuration(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	if text != "" && strings.Trim(text, "-.0123456789") == "" {
		return 0, fmt.Errorf("%s has no unit; write %ss, %sms or %sm", clip(text), clip(text), clip(text), clip(text))
	}
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	if joined := strings.ToLower(strings.ReplaceAll(text, " ", "")); joined != text {
		if _, err := time.ParseDuration(joined); err == nil {
			return 0, fmt.Errorf("%s is not a duration; did you mean %s?", quote(text), joined)
		}
	}
	return 0, fmt.Errorf("%s is not a duration; write a number and a unit (ms, s, m, h), as in 500ms, 30s, 1h30m", quote(text))
}

// formatDuration gives the duration as the operator writes it: 2m, not 2m0s.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// splitNumber cuts the text after its leading decimal digits.
func splitNumber(text string) (number, rest string) {
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	return text[:end], text[end:]
}
