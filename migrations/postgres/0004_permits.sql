-- +goose Up
-- The runs of a scenario with max_concurrent want a permit beside their lane; before, they stood in one lane with many places.
ALTER TABLE runs ADD COLUMN permit bigint NOT NULL DEFAULT 0;
UPDATE runs SET permit = CASE WHEN holds = 1 THEN 2 WHEN status = 'queued' THEN 1 ELSE 0 END, holds = 0, lane = '' WHERE lane LIKE 'places:%' AND finished_at = 0;
CREATE INDEX runs_permits ON runs (app, scenario, permit, started DESC, id) WHERE permit > 0;
