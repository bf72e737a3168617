/** Ends a vitest run with one line that any CI can count. */
export default class PlainReporter {
  onTestRunEnd(modules) {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed++ // a file that could not be loaded
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state in counts) counts[state]++
        else counts.failed++ // pending: the run was cut short
      }
    }
    console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  }
}
