package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
)

// figure is one measured value beside the bound it is held to.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	// Bound is the most that Value may be; nil: the figure is only stated.
	Bound *float64 `json:"bound,omitempty"`
	// Of says what the value is made of, with units: "32.1 / 30.3 µs".
	Of string `json:"of"`
	// With is the configuration the figure was taken with.
	With string `json:"with"`
	// timed: the time that something took goes into it, so that a machine with
	// other work to do can take it beyond its bound.
	timed bool
}

// held is a figure with a bound.
func held(name string, value, bound float64, of, with string) figure {
	return figure{Name: name, Value: value, Bound: &bound, Of: of, With: with}
}

// timed is a figure with a bound that time goes into.
func timed(name string, value, bound float64, of, with string) figure {
	return stated(name, value, of, with).within(bound)
}

// within holds a figure that time goes into to a bound.
func (f figure) within(bound float64) figure {
	f.Bound, f.timed = &bound, true
	return f
}

// stated is a figure without a bound.
func stated(name string, value float64, of, with string) figure {
	return figure{Name: name, Value: value, Of: of, With: with}
}

func (f figure) missed() bool { return f.Bound != nil && f.Value > *f.Bound }

func (f figure) bound() string {
	if f.Bound == nil {
		return "–"
	}
	return "≤ " + number(*f.Bound)
}

// row is the figure as a row of the table in docs/benchmarks.md.
func (f figure) row() string {
	value := number(f.Value)
	if f.missed() {
		value = "**" + value + "** (missed)"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", f.Name, value, f.bound(), f.Of, f.With)
}

// number spells a value with three decimals at most, and none from 100 on.
func number(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
}

// printTable writes the figures as Markdown, ready for docs/benchmarks.md.
func printTable(w io.Writer, figures []figure) {
	fmt.Fprint(w, "| figure | measured | bound | of | configuration |\n|---|---|---|---|---|\n")
	for _, f := range figures {
		fmt.Fprintln(w, f.row())
	}
}

// writeJSON saves the figures for programs.
func writeJSON(path string, figures []figure) error {
	b, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}
