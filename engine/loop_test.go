package engine

import "testing"

// A loop stands behind its step already while it is walked: where its turn fails, the run has to be at the step again.
func TestALoopThatFailsIsTheStepThatFailed(t *testing.T) {
	t.Parallel()
	for then, want := range map[string]int{"continue": 1, "stop": 0} {
		each := &step{head: head{ID: "each", OnError: &onError{Then: then}}, kind: "for_each"}
		v := &Version{
			Scenario: "s0", steps: map[string]*step{"each": each},
			lists: map[string]*list{mainList: {path: mainList, steps: []*step{each, {}}}, catchList: {path: catchList}, "body": {path: "body", steps: []*step{{}}}},
		}
		run := &Run{App: "a", ID: "r", Scenario: "s0", Status: RunReady}
		w := &walk{op: &advanceOp{run: run, version: v}, a: actOf(cause{}, nil), run: run, state: newState("s0")}
		w.state.Passes = maxPasses
		w.state.Frames = []frame{{List: mainList, At: 1}, {List: "body", At: 1, Loop: &loop{Step: "each", Total: 5}}}
		if ended, err := w.turnSafely(); !ended || err != nil {
			t.Fatal(ended, err)
		}
		if len(w.state.Frames) != 1 || w.state.Frames[0].At != want || (run.Status == RunFailed) != (then == "stop") {
			t.Errorf("%s: the run is %s at %+v", then, run.Status, w.state.Frames)
		}
	}
}
