package lockstore

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of a server that no patience helps with. Where it is known which server
// is meant, and what of it, they come as [ServerError].
var (
	// ErrServerTooOld: the server does not know what the protocol needs.
	ErrServerTooOld = errors.New("the Redis server is too old")
	// ErrServerKind: the server is a Sentinel, a cluster's, or no Redis at all, unexpectedly.
	ErrServerKind = errors.New("the Redis server is of another kind")
	// ErrServerAccess: the server does not let the gate in, or not do its work.
	ErrServerAccess = errors.New("the Redis server refuses access")
	// ErrServerTLS: the server and the gate do not come to speak TLS, or both plainly.
	ErrServerTLS = errors.New("the Redis server and the gate do not agree on TLS")
	// ErrFingerprint: other gates on this Redis hash with another secret, and it is
	// theirs that counts.
	ErrFingerprint = errors.New("other gates on this Redis hash session ids with another secret, and are more or were there first: both would lock past each other")
)

// Fault is a kind of trouble with a Redis server.
type Fault string

// Faults that may pass by themselves.
const (
	FaultUnreachable Fault = "unreachable" // no connection can be made
	FaultSilent      Fault = "silent"      // it takes the connection and says nothing, or breaks it off
	FaultNotReady    Fault = "not ready"   // it is loading, busy, full, or its cluster is down
	FaultReplica     Fault = "replica"     // it takes no writes, for it is one
	FaultNoWrites    Fault = "no writes"   // it takes none: out of memory, cannot save, too few replicas
)

// Faults that no patience helps with.
const (
	FaultTooOld        Fault = "too old"
	FaultNotRedis      Fault = "not redis"      // it answers, and not as Redis does
	FaultPlain         Fault = "plain"          // TLS is set, and it speaks none
	FaultTLS           Fault = "tls"            // it speaks TLS, and none is set
	FaultUntrusted     Fault = "untrusted"      // its certificate is out of time, or of an unknown authority
	FaultHostName      Fault = "host name"      // its certificate is for another name
	FaultHandshake     Fault = "handshake"      // it refuses TLS as the gate speaks it: it may want a certificate
	FaultPassword      Fault = "password"       // it asks for another user or password
	FaultRights        Fault = "rights"         // the user may not do what a gate does
	FaultDatabase      Fault = "database"       // it has no database of this number
	FaultSentinel      Fault = "sentinel"       // it is a Sentinel, and should not be
	FaultNoSentinel    Fault = "no sentinel"    // it is none, and should be
	FaultMasterName    Fault = "master name"    // a Sentinel that knows no master of this name
	FaultClusterMember Fault = "cluster member" // it is part of a cluster, and should not be
	FaultNoCluster     Fault = "no cluster"     // it is no part of one, and should be
)

// Passes says that the fault may go away without anybody's doing.
func (f Fault) Passes() bool {
	switch f {
	case FaultUnreachable, FaultSilent, FaultNotReady, FaultReplica, FaultNoWrites:
		return true
	case FaultTooOld, FaultNotRedis, FaultPlain, FaultTLS, FaultUntrusted, FaultHostName, FaultHandshake, FaultPassword, FaultRights,
		FaultDatabase, FaultSentinel, FaultNoSentinel, FaultMasterName, FaultClusterMember, FaultNoCluster:
	}
	return false
}

// group is the error that stands for a fault's like; nil: none.
func (f Fault) group() error {
	switch f {
	case FaultTooOld:
		return ErrServerTooOld
	case FaultPassword, FaultRights:
		return ErrServerAccess
	case FaultPlain, FaultTLS, FaultUntrusted, FaultHostName, FaultHandshake:
		return ErrServerTLS
	case FaultNotRedis, FaultDatabase, FaultSentinel, FaultNoSentinel, FaultMasterName, FaultClusterMember, FaultNoCluster:
		return ErrServerKind
	case FaultUnreachable, FaultSilent, FaultNotReady, FaultReplica, FaultNoWrites:
	}
	return nil
}

// ServerError says what is wrong with one server.
type ServerError struct {
	Address string // host:port or unix:/path; "" where any of several may have answered
	Named   string // the Sentinel that named the server; "": the options did
	Asked   string // what the gate took it for: single, sentinel, cluster
	Fault   Fault
	Err     error // in the words of the server, or of the network
}

// Error says the same as the fields do.
func (e *ServerError) Error() string {
	where := e.Address
	if where == "" {
		where = "a server"
	}
	if e.Named != "" {
		where += " (named by " + e.Named + ")"
	}
	return fmt.Sprintf("%s: %s: %v", where, e.Fault, e.Err)
}

// Unwrap gives what the server or the network has said, and the error that
// stands for the like of the fault.
func (e *ServerError) Unwrap() []error {
	if group := e.Fault.group(); group != nil {
		return []error{group, e.Err}
	}
	return []error{e.Err}
}

// ServerErrors are what is wrong with several servers.
type ServerErrors []*ServerError

// Error lists them.
func (e ServerErrors) Error() string {
	var all []string
	for _, one := range e {
		all = append(all, one.Error())
	}
	return strings.Join(all, "; ")
}

// Unwrap gives each.
func (e ServerErrors) Unwrap() []error {
	var all []error
	for _, one := range e {
		all = append(all, one)
	}
	return all
}

// replyFaults are the beginnings of error replies, or what stands in them.
var replyFaults = []struct {
	words string
	fault Fault
}{
	{"NOAUTH", FaultPassword},
	{"WRONGPASS", FaultPassword},
	{"ERR AUTH", FaultPassword},
	{"invalid password", FaultPassword},
	{"NOPERM", FaultRights},
	{"can't run this command", FaultRights}, // said by scripts
	{"can't access", FaultRights},
	{"DENIED", FaultRights}, // protected-mode
	{"SELECT is not allowed in cluster mode", FaultClusterMember},
	{"cluster support disabled", FaultNoCluster},
	{"DB index is out of range", FaultDatabase},
	{"invalid DB index", FaultDatabase},
	{"READONLY", FaultReplica},
	{"OOM", FaultNoWrites},
	{"MISCONF", FaultNoWrites},
	{"NOREPLICAS", FaultNoWrites},
	{"LOADING", FaultNotReady},
	{"BUSY", FaultNotReady},
	{"MASTERDOWN", FaultNotReady},
	{"CLUSTERDOWN", FaultNotReady},
	{"max number of clients", FaultNotReady},
}

// faultOf finds the fault in an error reply.
func faultOf(err error) (Fault, bool) {
	if err == nil {
		return "", false
	}
	for _, known := range replyFaults {
		if strings.Contains(err.Error(), known.words) {
			return known.fault, true
		}
	}
	return "", false
}
