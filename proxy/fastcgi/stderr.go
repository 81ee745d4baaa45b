package fastcgi

import "bytes"

// What PHP may write to the log in one request. A page in a loop of notices
// must not fill the gate's log or memory.
const (
	maxStderrLine  = 8 << 10 // bytes; the rest of a longer line is dropped
	maxStderrLines = 100
)

// joint is what php-fpm puts between the messages of one request, instead of a
// line end. What follows its "; " is the beginning of the next line.
const joint = "; PHP message: "

// stderrLines splits a STDERR stream into lines, wherever the records were cut.
type stderrLines struct {
	emit  func(line string) // nil: dropped
	line  []byte
	count int
	// matched bytes of joint have been seen, the first when line was seam long.
	matched, seam int
}

func (s *stderrLines) write(b []byte) {
	if s.emit == nil {
		return
	}
	for _, c := range b {
		if s.count > maxStderrLines {
			return
		}
		if c == '\n' {
			s.flush()
			continue
		}
		s.track(c)
		if len(s.line) < maxStderrLine {
			s.line = append(s.line, c)
		}
		if s.matched == len(joint) {
			s.line = s.line[:s.seam]
			s.flush()
			s.line = append(s.line, joint[len("; "):]...)
		}
	}
}

// track follows joint through the stream. Its first byte occurs in it only
// once, so a mismatch can only begin it anew.
func (s *stderrLines) track(c byte) {
	if c != joint[s.matched] {
		s.matched = 0
	}
	if c != joint[s.matched] {
		return
	}
	if s.matched == 0 {
		s.seam = len(s.line)
	}
	s.matched++
}

// flush hands out the line under way, if any. It is called at each line's end
// and at the end of the request.
func (s *stderrLines) flush() {
	line := bytes.TrimRight(s.line, "\r")
	s.line, s.matched = s.line[:0], 0
	if len(line) == 0 || s.emit == nil || s.count > maxStderrLines {
		return
	}
	s.count++
	if s.count > maxStderrLines {
		s.emit("(more lines of this request were dropped)")
		return
	}
	s.emit(string(line))
}
