package engine

import (
	"fmt"
	"strings"
)

// cutLoop says why a run may not start: its chain is too deep, or its scenario ran too often in it.
func (a *act) cutLoop(run *Run, path string) (*RunError, error) {
	why := ""
	switch {
	case run.Depth > maxDepth:
		why = fmt.Sprintf("the chain of runs is deeper than %d", maxDepth)
	case run.Depth >= countedDepth:
		id := chainCounter(run.Chain, run.Scenario)
		n, err := a.counter(id)
		if err != nil {
			return nil, err
		}
		if n >= maxPerChain {
			why = fmt.Sprintf("the scenario ran %d times in one chain", maxPerChain)
			break
		}
		a.setCounter(id, n+1, a.now().Add(chainFor))
	}
	if why == "" {
		return nil, nil
	}
	return &RunError{Code: "LOOP_CUT", Message: why + ": " + cycle(path)}, nil
}

// cycle names the loop at the end of a path: the part between the last two visits of its last scenario.
func cycle(path string) string {
	parts := strings.Split(path, ">")
	last := parts[len(parts)-1]
	for i := len(parts) - 2; i >= 0; i-- {
		if parts[i] == last {
			return strings.Join(parts[i:], "→")
		}
	}
	return strings.Join(parts, "→")
}
