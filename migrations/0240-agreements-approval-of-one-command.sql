-- owner: agreements
-- An approval is for one command: what is done to what, by a keyed hash. Those of before were for any call of an
-- exchange; they have no command, so that nothing can use them.
alter table approvals drop column most_subjects;
alter table approvals
  add column command text,
  -- Sealed, for those who decide; gone when the approval is used, withdrawn or over.
  add column target bytea,
  add column needs_second boolean not null default false,
  add column second_by text,
  add column second_at timestamptz,
  add column withdrawn_at timestamptz,
  add column withdrawn_by text;
alter table approvals add check (second_by is null or second_by <> given_by);
create index approvals_by_command on approvals (tenant_id, connection_id, exchange_id) where used_by is null;
