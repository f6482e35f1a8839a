-- +goose Up
-- One row for each app: the number of its published state, which every commit looks at.
CREATE TABLE apps (
  app       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  catalogue BIGINT NOT NULL
);

-- Documents of the control plane: apps, structures, scenarios, versions, accounts, tokens, sessions. app is '' for what belongs to no app.
CREATE TABLE records (
  app   TEXT COLLATE "C" NOT NULL,
  kind  TEXT COLLATE "C" NOT NULL,
  id    TEXT COLLATE "C" NOT NULL,
  owner TEXT COLLATE "C" NOT NULL,
  rev   BIGINT NOT NULL,
  body  TEXT COLLATE "C" NOT NULL,
  until BIGINT NOT NULL,
  at    BIGINT NOT NULL,
  PRIMARY KEY (app, kind, id)
);
CREATE INDEX records_of_owner ON records (app, kind, owner, id);
CREATE INDEX records_until ON records (until) WHERE until > 0;

CREATE TABLE objects (
  app        TEXT COLLATE "C" NOT NULL,
  structure  TEXT COLLATE "C" NOT NULL,
  id         TEXT COLLATE "C" NOT NULL,
  version    BIGINT NOT NULL,
  data       jsonb NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  changed_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (app, structure, id)
);
CREATE INDEX objects_changed ON objects (app, structure, changed_at, id);
CREATE INDEX objects_created ON objects (app, structure, created_at, id);

-- What filters, sorting and searches look at; text is folded and sorts by bytes, num holds numbers, dates (ms) and booleans.
-- A list has one row for each element; item is its place there.
CREATE TABLE object_values (
  app       TEXT COLLATE "C" NOT NULL,
  structure TEXT COLLATE "C" NOT NULL,
  field     TEXT COLLATE "C" NOT NULL,
  item      BIGINT NOT NULL,
  num       BIGINT,
  text      TEXT COLLATE "C",
  object    TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (app, structure, object, field, item)
);
CREATE INDEX object_values_num ON object_values (app, structure, field, num, object) WHERE num IS NOT NULL;
CREATE INDEX object_values_text ON object_values (app, structure, field, text, object) WHERE text IS NOT NULL;

-- What is pruned by age and grows large is made of partitions, one for each hour of pushes and each day of the others: what is over is
-- dropped whole and its disk comes back at once. The store makes the coming ones ahead; a row for which there is none lands in the default.
-- A key of such a table has to hold the column that it is divided by. That a change's number is unique is the sequence's doing.
CREATE TABLE changes (
  seq       BIGINT NOT NULL,
  app       TEXT COLLATE "C" NOT NULL,
  structure TEXT COLLATE "C" NOT NULL,
  object    TEXT COLLATE "C" NOT NULL,
  kind      TEXT COLLATE "C" NOT NULL,
  version   BIGINT NOT NULL,
  before    jsonb,
  after     jsonb,
  fields    TEXT COLLATE "C" NOT NULL,
  who       TEXT COLLATE "C" NOT NULL,
  run       TEXT COLLATE "C" NOT NULL,
  chain     TEXT COLLATE "C" NOT NULL,
  depth     BIGINT NOT NULL,
  silent    BIGINT NOT NULL,
  op        TEXT COLLATE "C" NOT NULL,
  at        BIGINT NOT NULL,
  tx        BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
  PRIMARY KEY (seq, at)
) PARTITION BY RANGE (at);
CREATE TABLE changes_default PARTITION OF changes DEFAULT;
CREATE INDEX changes_default_at ON changes_default (at);
CREATE INDEX changes_of_app ON changes (app, tx, seq);
-- Numbers are unique and growing but not gapless: the feed's order is (tx, seq).
CREATE SEQUENCE change_seq;

CREATE TABLE runs (
  id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  app         TEXT COLLATE "C" NOT NULL,
  scenario    TEXT COLLATE "C" NOT NULL,
  version     BIGINT NOT NULL,
  format      BIGINT NOT NULL,
  status      TEXT COLLATE "C" NOT NULL,
  candidate   BIGINT NOT NULL,
  trigger_id  TEXT COLLATE "C" NOT NULL,
  lane        TEXT COLLATE "C" NOT NULL,
  place       BIGINT NOT NULL,
  holds       BIGINT NOT NULL,
  started     BIGINT NOT NULL,
  owner       TEXT COLLATE "C" NOT NULL,
  epoch       BIGINT NOT NULL,
  cursor      BIGINT NOT NULL,
  state       TEXT COLLATE "C" NOT NULL,
  structure   TEXT COLLATE "C" NOT NULL,
  object      TEXT COLLATE "C" NOT NULL,
  change      BIGINT NOT NULL,
  user_id     TEXT COLLATE "C" NOT NULL,
  chain       TEXT COLLATE "C" NOT NULL,
  depth       BIGINT NOT NULL,
  parent      TEXT COLLATE "C" NOT NULL,
  pending     BIGINT NOT NULL,
  due_at      BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  forget_at   BIGINT NOT NULL,
  error       TEXT COLLATE "C"
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX runs_of_scenario ON runs (app, scenario, id);
CREATE INDEX runs_of_change ON runs (change) WHERE change > 0;
CREATE INDEX runs_in_lane ON runs (app, lane, started DESC, place) WHERE lane <> '' AND finished_at = 0;
CREATE INDEX runs_owned ON runs (owner, id) WHERE status = 'ready';
CREATE INDEX runs_due ON runs (due_at) WHERE status = 'waiting';
CREATE INDEX runs_called ON runs (parent) WHERE parent <> '';
CREATE INDEX runs_calling ON runs (app) WHERE status = 'calling';
CREATE INDEX runs_over ON runs (forget_at) WHERE forget_at > 0;

-- Divided by day as well: a run's id is a UUIDv7, so a time is a prefix of it.
CREATE TABLE run_steps (
  run      TEXT COLLATE "C" NOT NULL,
  seq      BIGINT NOT NULL,
  app      TEXT COLLATE "C" NOT NULL,
  step     TEXT COLLATE "C" NOT NULL,
  kind     TEXT COLLATE "C" NOT NULL,
  status   TEXT COLLATE "C" NOT NULL,
  attempt  BIGINT NOT NULL,
  at       BIGINT NOT NULL,
  settings TEXT COLLATE "C",
  output   TEXT COLLATE "C",
  error    TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run, seq)
) PARTITION BY RANGE (run);
CREATE TABLE run_steps_default PARTITION OF run_steps DEFAULT;

CREATE TABLE run_values (
  run   TEXT COLLATE "C" NOT NULL,
  name  TEXT COLLATE "C" NOT NULL,
  app   TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run, name)
) PARTITION BY RANGE (run);
CREATE TABLE run_values_default PARTITION OF run_values DEFAULT;

CREATE TABLE claims (
  app   TEXT COLLATE "C" NOT NULL,
  space TEXT COLLATE "C" NOT NULL,
  key   TEXT COLLATE "C" NOT NULL,
  owner TEXT COLLATE "C" NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (app, space, key)
);
CREATE INDEX claims_until ON claims (until) WHERE until > 0;
CREATE INDEX claims_of_app ON claims (app, until) WHERE until > 0;

CREATE TABLE counters (
  app   TEXT COLLATE "C" NOT NULL,
  id    TEXT COLLATE "C" NOT NULL,
  n     BIGINT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (app, id)
);
CREATE INDEX counters_until ON counters (until) WHERE until > 0;

CREATE TABLE push_head (
  app   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  epoch TEXT COLLATE "C" NOT NULL,
  pos   BIGINT NOT NULL
);

-- That (app, pos) is unique needs no index: positions are given under the lock of the head's row, each once.
CREATE TABLE pushes (
  app     TEXT COLLATE "C" NOT NULL,
  pos     BIGINT NOT NULL,
  to_user TEXT COLLATE "C" NOT NULL,
  event   TEXT COLLATE "C" NOT NULL,
  message TEXT COLLATE "C" NOT NULL,
  json    BIGINT NOT NULL,
  run     TEXT COLLATE "C" NOT NULL,
  seq     BIGINT NOT NULL,
  at      BIGINT NOT NULL,
  PRIMARY KEY (app, pos, at)
) PARTITION BY RANGE (at);
CREATE TABLE pushes_default PARTITION OF pushes DEFAULT;
CREATE INDEX pushes_default_at ON pushes_default (at);
CREATE INDEX pushes_of_run ON pushes (run) WHERE run <> '';

-- What became of the pushes of a step, as each node counted it; at is when a node first told.
CREATE TABLE deliveries (
  run       TEXT COLLATE "C" NOT NULL,
  seq       BIGINT NOT NULL,
  node      TEXT COLLATE "C" NOT NULL,
  app       TEXT COLLATE "C" NOT NULL,
  online    BIGINT NOT NULL,
  delivered BIGINT NOT NULL,
  received  BIGINT NOT NULL,
  at        BIGINT NOT NULL,
  PRIMARY KEY (run, seq, node)
);
CREATE INDEX deliveries_at ON deliveries (at);

-- One row for each transaction, by which an unknown outcome is looked up: the ends of the push logs, or nothing if it has not happened.
-- Both sides write it with the same time, so that one of them meets the other's row.
CREATE TABLE commits (
  id    TEXT COLLATE "C" NOT NULL,
  at    BIGINT NOT NULL,
  heads TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE commits_default PARTITION OF commits DEFAULT;
CREATE INDEX commits_default_at ON commits_default (at);

-- +goose Down
SELECT 1;
