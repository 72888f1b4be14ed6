// Keeps what the page's policy forbade and what went wrong unheard, for the tests to read.
window.e2eViolations = [];
window.e2eConsole = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.e2eViolations.push(`${event.effectiveDirective}: ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`);
});
window.addEventListener("error", (event) => window.e2eConsole.push(`uncaught: ${event.message}`));
window.addEventListener("unhandledrejection", (event) => window.e2eConsole.push(`unhandled: ${event.reason}`));
