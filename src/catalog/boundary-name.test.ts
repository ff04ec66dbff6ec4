import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { namesConfigurationManager } from './boundary-name.ts'

const NAMED = [
  'configuration-manager',
  'Configuration Manager',
  'CONFIGURATION  MANAGER 2409',
  'Microsoft Configuration-Manager',
  'Configuratiоn Mаnager', // Cyrillic o and a
  'Conﬁguration Manager', // ligature
  'Config​uration Manager', // zero width space
  'C0nfigurat1on Manager',
  'Configuration Mánager',
  'ConfigMgr',
  'config-mgr-current-branch',
  'SCCM',
  'sccm2012',
  'S.C.C.M.',
  'S C C M',
  'Acme (SCCM) bridge',
  'MECM',
  'Memcm',
  '5CCM',
  'https://sccm.corp.example.org',
  'https://configmgr01.example.org',
  'https://cm-cmg.cloudapp.example.org/',
  'System Center',
  'Microsoft Endpoint Manager',
  'Ϲonfiguration Μanager',
]
const OTHERS = [
  'Acme Threat Watch',
  'Zebra',
  'TeamViewer',
  'Google',
  'Device compliance partner',
  'Mobile Threat Defense partner',
  'https://api.acme.example.org',
  'Configured Devices Ltd',
  'Success Management',
  'Accmed Systems',
  'Memory Cards',
]

describe('the boundary to Configuration Manager', () => {
  it('P15 knows it by every spelling', () => {
    assert.deepEqual(
      NAMED.filter((name) => !namesConfigurationManager(name)),
      [],
    )
  })

  it('and takes nobody else for it', () => {
    assert.deepEqual(OTHERS.filter(namesConfigurationManager), [])
  })

  it('P15 whatever stands around and between its letters', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('', ' ', '-', '_', '.', '/', '​', '́'), {
          minLength: 21,
          maxLength: 21,
        }),
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
        fc.constantFrom('', 'my ', 'https://'),
        (between, capitals, before) => {
          const letters = [...'configurationmanager'].map((letter, i) =>
            capitals[i] ? letter.toUpperCase() : letter,
          )
          const text = before + letters.map((letter, i) => letter + (between[i] ?? '')).join('')
          return namesConfigurationManager(text)
        },
      ),
      { seed: 15, numRuns: 500 },
    )
  })

  it('would notice a check that looks at the text as it is written', () => {
    const twin = (text: string) => /configuration.?manager|sccm/i.test(text)
    assert.notDeepEqual(
      NAMED.filter((name) => !twin(name)),
      [],
    )
  })
})
