package engine

import (
	"slices"
	"time"
)

// draw takes the next batch: apps in turn by bytes, one app at most half of it while others wait.
func (c *committer) draw() []*pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := c.size
	if c.inCompany() {
		size = min(size, c.short)
		if batch := c.drawFew(); len(batch) > 0 {
			return batch
		}
	}
	c.few = 0
	var batch []*pending
	bytes := 0
	share := size
	if len(c.ring) > 1 {
		share = max(1, size/2)
	}
	taken := map[*appQueue]int{}
	// Whoever drew a large op pays for it by waiting for others; while there is nothing in the batch the rounds go on.
	for idle := 0; len(c.ring) > 0 && len(batch) < size && bytes < maxBatchBytes && (len(batch) == 0 || idle < len(c.ring)); {
		q := c.ring[0]
		c.ring = append(c.ring[1:], q)
		q.credit += maxBatchBytes / 16
		before := len(batch)
		for q.ops > 0 && taken[q] < share && len(batch) < size && bytes < maxBatchBytes && q.credit > 0 {
			p := q.pop(taken[q])
			taken[q]++
			q.credit -= p.op.Bytes
			bytes += p.op.Bytes
			batch = append(batch, p)
		}
		if q.ops == 0 {
			q.credit = 0
			c.ring = c.ring[:len(c.ring)-1]
			delete(c.apps, q.app)
			idle = 0
		} else if len(batch) == before {
			idle++
		}
		if len(batch) > before {
			close(q.room)
			q.room = make(chan struct{})
		}
	}
	c.crowded = len(c.ring) > 1
	return inTurns(batch)
}

// drawFew takes the ops of the apps that have few, where others have many: they go before those, in a batch that is soon over.
func (c *committer) drawFew() []*pending {
	many := func(q *appQueue) bool { return q.ops > fewOps || q.bytes > maxBatchBytes/16 }
	if c.few++; c.few > maxFew || !slices.ContainsFunc(c.ring, many) {
		return nil
	}
	var batch []*pending
	ring := c.ring
	c.ring = nil
	for _, q := range ring {
		if many(q) || len(batch) >= minBatchOps {
			c.ring = append(c.ring, q)
			continue
		}
		for turn := 0; q.ops > 0; turn++ {
			batch = append(batch, q.pop(turn))
		}
		close(q.room)
		delete(c.apps, q.app)
	}
	return batch
}

// inTurns orders a batch so that its apps take turns, each in its own order: a batch whose time for deciding is over ends with ops of those who
// have many in it, never with the only op of another app, which would find the same before it in the next batch too.
func inTurns(batch []*pending) []*pending {
	turn := map[AppID]int{}
	turns := make(map[*pending]int, len(batch))
	for _, p := range batch {
		turns[p] = turn[p.op.App]
		turn[p.op.App]++
	}
	if len(turn) > 1 {
		slices.SortStableFunc(batch, func(a, b *pending) int { return turns[a] - turns[b] })
	}
	return batch
}

// pop takes steps of runs and API writes 2:1.
func (q *appQueue) pop(turn int) *pending {
	list := &q.runs
	if len(q.runs) == 0 || turn%3 == 2 && len(q.writes) > 0 {
		list = &q.writes
	}
	p := (*list)[0]
	(*list)[0] = nil
	*list = (*list)[1:]
	q.ops--
	q.bytes -= p.op.Bytes
	return p
}

// resize fits the next batch to how many ops of the last one were left for want of time, and to how long it took where apps share it.
func (c *committer) resize(ops, later int, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.few > 0 || ops == 1 {
		if c.alone == 0 {
			c.alone = took
		}
		c.alone += (took - c.alone) / 4
	}
	// What every commit takes, however few its ops, is saved by no shorter batch.
	most := max(companyTime, c.alone+c.alone/4)
	switch {
	case !c.inCompany():
		c.short = maxBatchOps
	case c.crowded:
		c.short = min(maxBatchOps, 2*c.short)
	case took > most && ops > 2:
		c.short = max(2, int(float64(ops)*float64(most)/float64(took)))
	case ops >= c.short && c.few == 0:
		c.short = min(maxBatchOps, c.short+c.short/4+1)
	}
	switch {
	case later > 0:
		c.size = min(maxBatchOps, max(minBatchOps, (ops-later)*5/4))
	case ops >= c.size/2:
		c.size = min(maxBatchOps, 2*c.size)
	}
}

// inCompany says that several apps are at work.
func (c *committer) inCompany() bool { return c.clock().Sub(c.company) < companyFor }
