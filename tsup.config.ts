import { defineConfig, type Options } from 'tsup'

/** One entry per published package; `extra` overrides what differs. */
const pkg = (name: string, entry: Record<string, string>, extra: Options = {}): Options => ({
  name,
  entry: Object.fromEntries(Object.entries(entry).map(([out, file]) => [out, `packages/${name}/src/${file}.ts`])),
  outDir: `packages/${name}/dist`,
  tsconfig: `packages/${name}/tsconfig.json`,
  format: ['esm'],
  target: 'node22',
  platform: 'node',
  dts: true,
  sourcemap: true,
  clean: true,
  // tsup reads the package.json of its working folder (the root) to find the externals; the packages' own
  // dependencies are not there.
  skipNodeModulesBundle: true,
  ...extra,
})

export default defineConfig([
  pkg('core', { index: 'index', stores: 'stores/index', testing: 'stores/testing/index' }),
  pkg('emulator', { index: 'index', cli: 'cli' }),
  pkg('server', { index: 'index', cli: 'cli/index' }, { noExternal: ['@wamux/contract'] }),
  pkg('client', { index: 'index' }, { platform: 'neutral' }),
])
