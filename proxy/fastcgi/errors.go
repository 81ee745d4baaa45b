package fastcgi

import (
	"errors"
	"fmt"
	"io"
)

// Errors of a request that cannot be sent. Nothing has reached PHP.
var (
	// ErrNoScript: no script answers for the path (script: path). 404.
	ErrNoScript = errors.New("fastcgi: no such script")
	// ErrFolder: the path names a folder that has an index.php, without the slash
	// at its end. A browser has to be sent there, or relative links break. 301.
	ErrFolder = errors.New("fastcgi: the path is a folder's, without its slash")
	// ErrUpgrade: the client asks for another protocol, which FastCGI cannot
	// carry. 501.
	ErrUpgrade = errors.New("fastcgi: a protocol upgrade cannot be passed on to PHP-FPM")
	// ErrLengthRequired: the length of the body is unknown; CONTENT_LENGTH is
	// sent before the body, so it must be measured first.
	ErrLengthRequired = errors.New("fastcgi: the length of the request body must be known")
	// ErrParamTooLarge: one variable does not fit into a record. The protocol
	// could split it, but PHP reads each PARAMS record by itself. 431.
	ErrParamTooLarge = errors.New("fastcgi: a request header is larger than 65,535 bytes, the most PHP takes")
)

// Errors of the exchange with PHP.
var (
	// ErrUnexpectedEnd: the connection ended before END_REQUEST, or the answer
	// was shorter than its Content-Length.
	ErrUnexpectedEnd = fmt.Errorf("fastcgi: the answer broke off: %w", io.ErrUnexpectedEOF)
	// ErrBadResponse: the answer is no CGI answer, or no FastCGI. 502.
	ErrBadResponse = errors.New("fastcgi: bad response")
	// ErrHeaderTooLarge: the response header passes Options.MaxHeaderBytes. 502.
	ErrHeaderTooLarge = errors.New("fastcgi: response header too large")
	// ErrOverloaded: the server refused the request for lack of room. 503.
	ErrOverloaded = errors.New("fastcgi: the server is overloaded")
	// ErrRefused: the server cannot serve this kind of request at all. 502.
	ErrRefused = errors.New("fastcgi: the server refused the request")
	// ErrRequestBody: the body could not be read, or was shorter than declared;
	// the request was aborted.
	ErrRequestBody = errors.New("fastcgi: request body")
	// ErrClosed: Body.Read after Body.Close.
	ErrClosed = errors.New("fastcgi: read from a closed body")
)

// UnfinishedError says that the answer is of no use, while PHP is still running.
// Whoever must know when PHP is done calls Wait; otherwise Close has to be
// called.
type UnfinishedError struct {
	Err  error // ErrBadResponse, ErrHeaderTooLarge
	body *Body // what is left of the answer, for its end only
}

func (e *UnfinishedError) Error() string { return e.Err.Error() }

func (e *UnfinishedError) Unwrap() error { return e.Err }

// Wait returns when PHP has ended the request, or the request's context has.
func (e *UnfinishedError) Wait() error {
	_, err := io.Copy(io.Discard, e.body)
	return err
}

// Close cuts the connection, as Body.Close does.
func (e *UnfinishedError) Close() error { return e.body.Close() }
