package engine

import (
	"slices"

	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
	"github.com/cuelight/cuelight/engine/secret"
)

// Limit is a bound that a refusal names and that operators see at /api/v1/limits.
type Limit struct {
	Name  string // that a refusal gives
	Value int64  // how much is allowed
	Unit  string // what Value counts
	Help  string // what is bounded
}

// Limits lists the engine's own bounds.
func Limits() []Limit {
	limits := slices.Concat(documentLimits(), runLimits(), keepLimits())
	for _, b := range expr.Bounds() {
		limits = append(limits, Limit(b))
	}
	return limits
}

// documentLimits bound what an app is made of.
func documentLimits() []Limit {
	return []Limit{
		{"object_bytes", MaxObject, "bytes", "the data of one object"},
		{"string_bytes", MaxString, "bytes", "a text field"},
		{"links", MaxLinks, "ids", "a list of links"},
		{"json_value_depth", MaxJSON, "levels", "nesting of a json field's value"},
		{"fields", MaxFields, "fields", "fields of a structure"},
		{"indexed_fields", MaxIndexed, "fields", "indexed fields of a structure"},
		{"structures_per_app", MaxStructures, "structures", "structures of an app"},
		{"constants_per_app", MaxConstants, "constants", "constants of an app"},
		{"constant_bytes", MaxConstantBytes, "bytes", "the value of a constant, as JSON"},
		{"constants_bytes", MaxConstantsBytes, "bytes", "all constants of an app together"},
		{"secrets_per_app", MaxSecrets, "secrets", "secrets of an app"},
		{"secret_bytes", secret.MaxBytes, "bytes", "the value of a secret"},
		{"secrets_bytes", MaxSecretsBytes, "bytes", "the values of all secrets of an app together"},
		{"secret_hosts", MaxSecretHosts, "hosts", "hosts that a secret may be sent to"},
		{"notes_bytes", maxNotes, "bytes", "the notes of a constant or a secret"},
		{"called_vars_bytes", maxResult, "bytes", "variables of a called run that its caller gets"},
		{"scenario_bytes", MaxScenarioBytes, "bytes", "a scenario document"},
		{"steps_per_scenario", MaxSteps, "steps", "steps of a scenario document"},
		{"step_nesting", MaxNesting, "levels", "steps inside steps"},
		{"triggers_per_scenario", MaxTriggers, "triggers", "triggers of a scenario"},
		{"retries_per_step", MaxRetries, "tries", "retries of a failed step"},
		{"scenarios_per_app", maxScenarios, "scenarios", "scenarios of an app"},
		{"filter_bytes", filter.MaxSource, "bytes", "a filter"},
		{"filter_depth", filter.MaxDepth, "levels", "nesting of a filter"},
		{"filter_terms", filter.MaxTerms, "terms", "comparisons of a filter"},
		{"filter_values", filter.MaxList, "values", "values of one IN"},
	}
}

// runLimits bound what runs and writes do.
func runLimits() []Limit {
	return []Limit{
		{"steps_per_run", maxStepsRun, "steps", "steps that one run walks outside of loops"},
		{"followed_links", maxFollows, "objects", "objects that the expressions of one step read through links"},
		{"calls_per_step", MaxCalls, "runs", "runs that one step calls"},
		{"call_depth", maxCallDepth, "runs", "runs that wait for each other, one below the other"},
		{"schedule_interval", 10_000, "ms", "the shortest time between two ticks of a schedule"},
		{"step_timeout", maxStepTimeout.Milliseconds(), "ms", "what one step does outside"},
		{"loop_passes", maxPasses, "passes", "passes of all loops of one run"},
		{"loop_items", maxItems, "items", "the list that a loop walks; the objects of a structure have no such bound"},
		{"summed_objects", MaxSummed, "objects", "objects whose field one search sums"},
		{"run_state_bytes", maxState, "bytes", "variables and outputs of a run"},
		{"step_log_bytes", maxStepBytes, "bytes", "settings and output of a step in the run log; what is larger is left out there"},
		{"overloaded", overloaded, "runs", "queued runs of a scenario before it is said to be overloaded; no write is refused for it"},
		{"queued_runs", maxQueued, "runs", "queued runs of a scenario before changes start no more of them; what was missed is counted and can be run later"},
		{"chain_depth", maxDepth, "runs", "runs that cause each other, one below the other"},
		{"runs_per_chain", maxPerChain, "runs", "runs of one scenario in one chain"},
		{"max_concurrent", MaxPermits, "runs", "what max_concurrent of a scenario may be"},
		{"debounce", maxDebounce.Milliseconds(), "ms", "the debounce of a scenario; a run waits ten times as long at most"},
		{"run_active", maxActive.Milliseconds(), "ms", "the timeout of a scenario: what the steps of one run work outside in all; 5 minutes when it is not set"},
		{"delay", maxDuration.Milliseconds(), "ms", "one wait of a run"},
		{"open_versions", maxOpenVersions, "versions", "older versions of scenarios by which open runs of an app go, for a constant or secret to be deleted"},
		{"dry_runs", int64(maxDryRuns()), "dry runs", "dry runs of drafts at a time on a node; further ones wait 5 s"},
		{"dry_steps", dryLines, "steps", "steps that a dry run shows; it ends after 5 s and 4 MiB too"},
		{"open_tests", keepTests, "runs", "open test runs of a scenario's drafts"},
		{"waiting_runs", maxWaiting, "runs", "runs of an app that wait for a time"},
		{"push_bytes", MaxPush, "bytes", "the message of a push"},
		{"push_total_bytes", MaxPushTotal, "bytes", "the message of a push times its receivers"},
		{"event_name", MaxEventName, "characters", "the event name of a push"},
		{"receivers", MaxReceivers, "users", "users that one push names"},
		{"commit_queue", maxAppOps, "writes", "writes of an app that wait for a commit; a write waits 2 s for room"},
		{"commit_retries", blockFor.Milliseconds(), "ms", "a write whose rows keep changing"},
		{"change_steps", maxChangeTicks, "steps", "the conditions that are judged for one change inside its write, together"},
	}
}

// keepLimits bound how long things are kept.
func keepLimits() []Limit {
	return []Limit{
		{"keep_runs", keepRuns.Milliseconds(), "ms", "finished runs are kept, unless a scenario says otherwise"},
		{"keep_runs_count", keepRunsCount, "runs", "finished runs of one scenario that are kept"},
		{"keep_failed", keepFailed.Milliseconds(), "ms", "failed runs are kept"},
		{"keep_changes", keepChanges.Milliseconds(), "ms", "changes are kept"},
		{"keep_changes_count", keepChangesCount, "changes", "changes of an app that are kept"},
	}
}
