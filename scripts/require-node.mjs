// Plain JavaScript on purpose: an older Node must be able to read this far to say what is wrong.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `sluss needs Node 24, but this is Node ${process.versions.node}. Node 24 comes with the npm package "node":\n` +
      'run "npm ci" (its install script must be allowed; it is listed under allowScripts in package.json) and start through npm.',
  )
  process.exit(1)
}
