#!/usr/bin/env node
// Starts trueup. Plain old JavaScript without import statements, so that any Node can parse it: an old one must say what
// is missing, not show a syntax error. From a checkout it goes on with the Node that the package pins.

var LEAST_MAJOR = 24;
// From here on `import()` works, which is all that looking for the pinned Node takes.
var LEAST_WITH_IMPORT = 14;
var USAGE = 2;
var major = parseInt(process.version.slice(1), 10);

// Made at run time, as the parsers of the oldest do not know the word.
function load(specifier) {
  return new Function("specifier", "return import(specifier)")(specifier);
}

function refuse() {
  var words = ["npx -p node@26 -p trueup trueup"].concat(process.argv.slice(2));
  process.stderr.write(
    ["trueup needs Node ", LEAST_MAJOR, " or newer: this is ", process.version, ".\n"].join("") +
      ["  hint: install a newer one, or run: ", words.join(" "), "\n"].join(""),
  );
  process.exit(USAGE);
}

function fail(error) {
  process.stderr.write(["trueup: ", String(error instanceof Error ? error.stack : error), "\n"].join(""));
  process.exit(1);
}

function loadTools() {
  return Promise.all(
    ["fs", "path", "url", "child_process", "os", "module"].map((name) => load("node:".concat(name))),
  ).then((modules) => {
    var program = modules[0].realpathSync(process.argv[1]);
    return {
      fs: modules[0],
      path: modules[1],
      url: modules[2],
      spawn: modules[3].spawn,
      os: modules[4],
      module: modules[5],
      program: program,
      root: modules[1].dirname(modules[1].dirname(program)),
    };
  });
}

function startHere(tools) {
  // Compiled code is kept in the user's own cache, never in a directory that others could write to. That takes two thirds
  // off the start of a command; where it cannot be kept, Node goes on without.
  var cache = process.env.XDG_CACHE_HOME || tools.path.join(tools.os.homedir(), ".cache");
  tools.module.enableCompileCache(tools.path.join(cache, "trueup", "compiled"));
  var bundled = tools.path.join(tools.root, "dist", "main.js");
  var source = tools.path.join(tools.root, "src", "main.ts");
  // The package holds no sources; where they are, this is a checkout, and a `dist/` beside them may be older than they.
  return load(tools.url.pathToFileURL(tools.fs.existsSync(source) ? source : bundled).href);
}

function startWithPinnedNode(tools) {
  var pinned = tools.path.join(tools.root, "node_modules", "node", "bin", "node");
  if (!tools.fs.existsSync(pinned)) {
    refuse();
    return;
  }
  var child;
  var forward = (signal) => {
    // A terminal has sent Ctrl-C to the child already.
    if (signal === "SIGINT" && (process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY)) return;
    child.kill(signal);
  };
  ["SIGINT", "SIGTERM", "SIGHUP"].forEach((signal) => {
    process.on(signal, forward);
  });
  // Only now: a signal that came between the start and the listeners would end this process and leave the child.
  child = tools.spawn(pinned, [tools.program].concat(process.argv.slice(2)), { stdio: "inherit" });
  child.on("error", fail);
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (major < LEAST_WITH_IMPORT) refuse();
else
  loadTools()
    .then(major < LEAST_MAJOR ? startWithPinnedNode : startHere)
    .then(null, fail);
