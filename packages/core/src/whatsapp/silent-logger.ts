/** Baileys logs whole stanzas and keys; none of it may reach a log. */
export const silentBaileysLogger = {
  level: 'silent',
  child: () => silentBaileysLogger,
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
}
