/** Edges for whoever starts this program: one in front of each origin named, its URL on a line. They end with its standard input. */
import { startEdge } from "./edge.mjs";

process.stdin.on("end", () => process.exit(0)).resume();
for (const origin of process.argv.slice(2)) {
  const { url } = await startEdge(origin);
  console.log(url);
}
