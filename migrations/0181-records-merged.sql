-- owner: records
-- Of records that are put together from events: when the newest event of each section happened, so that an older one
-- that comes late changes nothing, and how exactly the items were kept that are not kept exactly.
alter table records add column merged jsonb not null default '{"newest": {}, "precisions": {}}';
