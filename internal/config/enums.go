package config

import "reflect"

// The words a key may have as its value. allowedWords lists them for the
// parser, for its messages and for nobody else.
type (
	LogLevel       string // log.level
	LogFormat      string // log.format
	Store          string // lock.store
	LockMode       string // lock.mode, rules[].lock
	Busy           string // lock.busy
	OnWaitTimeout  string // lock.on_wait_timeout
	OnClientGone   string // lock.on_client_gone
	OnIDChange     string // lock.on_id_change
	ReleaseOn      string // lock.release_on
	OnStoreFailure string // lock.on_store_failure
	OnLeaseLost    string // lock.on_lease_lost
	RedisMode      string // redis.mode
	Protocol       string // upstreams[].protocol
	Balance        string // upstreams[].balance
	Script         string // upstreams[].script
	Action         string // rules[].action
	Priority       string // rules[].priority
	LimitKey       string // limits[].key, concurrency[].key
	Scope          string // limits[].scope
)

const (
	LevelTrace LogLevel = "trace"
	LevelDebug LogLevel = "debug"
	LevelInfo  LogLevel = "info"
	LevelWarn  LogLevel = "warn"
	LevelError LogLevel = "error"

	FormatJSON    LogFormat = "json"
	FormatConsole LogFormat = "console"

	StoreMemory Store = "memory" // one gate alone
	StoreRedis  Store = "redis"  // any number of gates

	ModeExclusive LockMode = "exclusive" // one at a time
	ModeBarrier   LockMode = "barrier"   // waits for those before it, then runs without a turn
	ModeNone      LockMode = "none"      // does not wait

	BusyQueue  Busy = "queue"
	BusyReject Busy = "reject" // 429 at once

	TimeoutReject  OnWaitTimeout = "reject"
	TimeoutForward OnWaitTimeout = "forward" // without the turn, counted

	ClientGoneDrop OnClientGone = "drop" // not run, where it has not begun
	ClientGoneRun  OnClientGone = "run"  // as if it were there

	IDChangeForward  OnIDChange = "forward"  // with the old id
	IDChangeRedirect OnIDChange = "redirect" // 307: the client asks again, with the new one

	ReleaseOnEnd     ReleaseOn = "end"
	ReleaseOnHeaders ReleaseOn = "headers"

	StoreFailureLocal  OnStoreFailure = "local"  // serialise within the gate
	StoreFailureClosed OnStoreFailure = "closed" // 503
	StoreFailureOpen   OnStoreFailure = "open"   // no lock

	LeaseLostContinue OnLeaseLost = "continue"
	LeaseLostAbort    OnLeaseLost = "abort"

	RedisAuto     RedisMode = "auto"
	RedisSingle   RedisMode = "single"
	RedisSentinel RedisMode = "sentinel"
	RedisCluster  RedisMode = "cluster"

	ProtocolFastCGI Protocol = "fastcgi"
	ProtocolHTTP    Protocol = "http"

	BalanceLeastInFlight Balance = "least_in_flight"
	BalanceRoundRobin    Balance = "round_robin"
	BalanceSession       Balance = "session" // the same session, the same server

	ScriptFront Script = "front" // always index_script
	ScriptTry   Script = "try"   // the file, else the folder's index.php, else index_script
	ScriptPath  Script = "path"  // the file, else 404

	ActionForward Action = "forward"
	ActionReject  Action = "reject"

	PriorityLow    Priority = "low"
	PriorityNormal Priority = "normal"
	PriorityHigh   Priority = "high"

	KeyClient    LimitKey = "client"
	KeySession   LimitKey = "session"
	KeyUserAgent LimitKey = "user_agent"
	KeyRule      LimitKey = "rule"
	KeyAll       LimitKey = "all"

	ScopeLocal  Scope = "local"  // counted in this gate
	ScopeShared Scope = "shared" // counted over all gates
)

var allowedWords = map[reflect.Type][]string{
	reflect.TypeFor[LogLevel]():       words(LevelTrace, LevelDebug, LevelInfo, LevelWarn, LevelError),
	reflect.TypeFor[LogFormat]():      words(FormatJSON, FormatConsole),
	reflect.TypeFor[Store]():          words(StoreMemory, StoreRedis),
	reflect.TypeFor[LockMode]():       words(ModeExclusive, ModeBarrier, ModeNone),
	reflect.TypeFor[Busy]():           words(BusyQueue, BusyReject),
	reflect.TypeFor[OnWaitTimeout]():  words(TimeoutReject, TimeoutForward),
	reflect.TypeFor[OnClientGone]():   words(ClientGoneDrop, ClientGoneRun),
	reflect.TypeFor[OnIDChange]():     words(IDChangeForward, IDChangeRedirect),
	reflect.TypeFor[ReleaseOn]():      words(ReleaseOnEnd, ReleaseOnHeaders),
	reflect.TypeFor[OnStoreFailure](): words(StoreFailureLocal, StoreFailureClosed, StoreFailureOpen),
	reflect.TypeFor[OnLeaseLost]():    words(LeaseLostContinue, LeaseLostAbort),
	reflect.TypeFor[RedisMode]():      words(RedisAuto, RedisSingle, RedisSentinel, RedisCluster),
	reflect.TypeFor[Protocol]():       words(ProtocolFastCGI, ProtocolHTTP),
	reflect.TypeFor[Balance]():        words(BalanceLeastInFlight, BalanceRoundRobin, BalanceSession),
	reflect.TypeFor[Script]():         words(ScriptFront, ScriptTry, ScriptPath),
	reflect.TypeFor[Action]():         words(ActionForward, ActionReject),
	reflect.TypeFor[Priority]():       words(PriorityLow, PriorityNormal, PriorityHigh),
	reflect.TypeFor[LimitKey]():       words(KeyClient, KeySession, KeyUserAgent, KeyRule, KeyAll),
	reflect.TypeFor[Scope]():          words(ScopeLocal, ScopeShared),
}

func words[T ~string](all ...T) []string {
	list := make([]string, len(all))
	for i, word := range all {
		list[i] = string(word)
	}
	return list
}
