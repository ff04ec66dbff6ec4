import { run, steps, tool } from './run.ts'

/** `npm run check`: types, lint, format, unit tests and architecture, in under a minute. */
await steps([
  ['types', () => run(tool('tsc'), ['-p', '.'])],
  ['lint', () => run(tool('oxlint'), ['--type-aware', '--quiet'])],
  [
    'format',
    () => run(tool('biome'), ['check', '--formatter-enabled=true', '--assist-enabled=false', '.']),
  ],
  [
    'unit and architecture',
    () =>
      run(process.execPath, [
        '--test',
        '--test-reporter=dot',
        '--test-concurrency=2',
        'src/**/*.test.ts',
        'test/architecture/*.test.ts',
      ]),
  ],
])
