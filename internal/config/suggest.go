package config

import "strings"

// nearest returns the candidate whose spelling is close enough to be meant,
// or "". Of equally near ones it takes the first.
func nearest(text string, candidates []string) string {
	folded := strings.ToLower(strings.ReplaceAll(text, "-", "_"))
	best, bestDistance := "", 1+max(1, min(len(folded), 12)/3)
	for _, candidate := range candidates {
		if d := spellingDistance(folded, strings.ToLower(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// spellingDistance counts the letters to insert, drop, replace or swap with
// their neighbour (optimal string alignment).
func spellingDistance(a, b string) int {
	if len(a) > maxQuoted || len(b) > maxQuoted {
		return maxQuoted
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			change := row[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			next[j] = min(change, row[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
