/** Signals to processes and groups that may be gone already. */

/** Sends a signal to every process of a group; nothing happens when there is none. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  send(-group, signal);
}

/** Sends a signal to one process; nothing happens when it is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  send(pid, signal);
}

function send(pid: number, signal: NodeJS.Signals): void {
  // Guards against the numbers that mean "everything": 0, 1, -1, and the negative of 1 and 0.
  if (!Number.isInteger(pid) || Math.abs(pid) <= 1) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: gone. EPERM: macOS says so of a group in which only ended processes are left.
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
