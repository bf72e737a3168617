/** The wamux server, for whoever wants to start it from code. Most people run `wamux serve`. */
export { type Config, ConfigError, loadConfig, type Sources } from './config.ts'
export { createServer, type Server, type ServerOptions } from './server.ts'
export type { Clock } from './webhooks/clock.ts'
