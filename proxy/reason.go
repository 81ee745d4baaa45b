package proxy

// Reason says in one word why the gate answered instead of the upstream. The
// same words stand in the answer, the access line, the metric refused_total
// and docs/operations.md.
type Reason string

const (
	ReasonBadRequest      Reason = "bad_request"
	ReasonRule            Reason = "rule"
	ReasonRateLimited     Reason = "rate_limited"
	ReasonConcurrencyFull Reason = "concurrency_full"
	ReasonSessionBusy     Reason = "session_busy"
	ReasonSessionFull     Reason = "session_full"
	ReasonClientFull      Reason = "client_full"
	ReasonTotalFull       Reason = "total_full"
	ReasonWaitTimeout     Reason = "wait_timeout"
	ReasonStoreAway       Reason = "store_away"
	ReasonLeaseLost       Reason = "lease_lost"
	ReasonLoopbackDepth   Reason = "loopback_depth"
	ReasonHeaderTooLarge  Reason = "header_too_large"
	ReasonBodyTooLarge    Reason = "body_too_large"
	ReasonStreamsFull     Reason = "streams_full"
	ReasonQueueFull       Reason = "queue_full"
	ReasonQueueTimeout    Reason = "queue_timeout"
	ReasonClientSlots     Reason = "client_slots"
	ReasonUploadsTotal    Reason = "uploads_total"
	ReasonUploadsClient   Reason = "uploads_client"
	ReasonUpgradedTotal   Reason = "upgraded_total"
	ReasonUpgradedClient  Reason = "upgraded_client"
	ReasonUploadSlow      Reason = "upload_slow"
	ReasonUploadBroken    Reason = "upload_broken"
	ReasonSpoolFull       Reason = "spool_full"
	ReasonSpoolDisk       Reason = "spool_disk"
	ReasonUpgrade         Reason = "upgrade_unsupported"
	ReasonFolder          Reason = "folder"
	ReasonIDChanged       Reason = "id_changed"
	ReasonNoScript        Reason = "no_script"
	ReasonUpstreamError   Reason = "upstream_error"
	ReasonOverloaded      Reason = "upstream_overloaded"
	ReasonUpstreamSilent  Reason = "response_timeout"
	ReasonShuttingDown    Reason = "shutting_down"
	ReasonInternal        Reason = "internal"
)

// Reasons lists every reason, for metrics and docs.
func Reasons() []Reason {
	return []Reason{
		ReasonBadRequest, ReasonRule, ReasonRateLimited, ReasonConcurrencyFull, ReasonSessionBusy, ReasonSessionFull,
		ReasonClientFull, ReasonTotalFull, ReasonWaitTimeout,
		ReasonStoreAway, ReasonLeaseLost, ReasonLoopbackDepth, ReasonStreamsFull,
		ReasonHeaderTooLarge, ReasonBodyTooLarge, ReasonUploadsTotal, ReasonUploadsClient,
		ReasonUploadSlow, ReasonUploadBroken, ReasonSpoolFull,
		ReasonSpoolDisk, ReasonUpgrade, ReasonUpgradedTotal, ReasonUpgradedClient, ReasonFolder, ReasonIDChanged, ReasonNoScript, ReasonUpstreamError,
		ReasonQueueFull, ReasonQueueTimeout, ReasonClientSlots,
		ReasonOverloaded, ReasonUpstreamSilent, ReasonShuttingDown, ReasonInternal,
	}
}

// Stage names a stage of the way, as in the package's doc.
type Stage string

const (
	StageAccept  Stage = "accept"
	StageDecide  Stage = "decide"
	StageKey     Stage = "key"
	StageLimit   Stage = "limit"
	StageFiles   Stage = "files"
	StageCheck   Stage = "check"
	StageSpool   Stage = "spool"
	StageWait    Stage = "wait"
	StageAdmit   Stage = "admit"
	StageForward Stage = "forward"
	StageRelay   Stage = "relay"
	StageDone    Stage = "done"
)
