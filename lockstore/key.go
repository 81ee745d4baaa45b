package lockstore

import "encoding/hex"

// Key names one line: a keyed hash of the session id, truncated to 128 bits.
// Whoever makes keys sees to it that two spellings of one session get one key.
type Key [16]byte

// String returns the first 8 bytes in hexadecimal: enough to tell sessions
// apart in a log, too little to be of use elsewhere.
func (k Key) String() string {
	return hex.EncodeToString(k[:8])
}
