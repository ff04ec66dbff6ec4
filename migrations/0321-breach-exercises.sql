-- owner: breach
-- Drills. They look at real logs and write nothing of any tenant; what would leave is counted and stays here.
create table breach_exercises (
  tenant_id text not null,
  exercise_id uuid not null,
  title bytea not null,
  criterion jsonb not null,
  started_by text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  primary key (tenant_id, exercise_id)
);
select sluss_tenant_table('breach_exercises', 'select, insert, update');

create table breach_exercise_steps (
  tenant_id text not null,
  exercise_id uuid not null,
  place int not null,
  step text not null,
  taken_by text not null,
  taken_at timestamptz not null,
  -- How long people took to come to the step, and how long the machine took for it.
  waited_ms bigint not null,
  took_ms bigint not null,
  -- Counts and identifiers.
  found jsonb not null,
  -- Calls that left although nothing may: zero, or the drill has failed.
  leaked int not null,
  primary key (tenant_id, exercise_id, place)
);
select sluss_tenant_table('breach_exercise_steps', 'select, insert');
