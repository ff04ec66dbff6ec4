-- owner: access
-- What an account's unsafe call with an Idempotency-Key answered, so that the same call is answered the same and runs
-- once. Neither the call nor its answer is in clear: a keyed hash of the one, and the other sealed. Kept for a day.
create table idempotency (
  tenant_id text not null,
  account_id text not null,
  idempotency_key text not null,
  request_mark text not null,
  -- Grows when a call that stopped without an answer is taken over, so that only the newest runner may write.
  attempt int not null default 1,
  reserved_at timestamptz not null,
  -- Set in the commit of the change itself: from then on the call must not run again, whether or not it answered.
  effect_at timestamptz,
  answered_at timestamptz,
  answer bytea,
  primary key (tenant_id, account_id, idempotency_key)
);
create index idempotency_by_time on idempotency (tenant_id, reserved_at);
select sluss_tenant_table('idempotency', 'select, insert, update, delete');
