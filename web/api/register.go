package api

import "github.com/cuelight/cuelight/engine/account"

const (
	root = "/api/v1"
	inn  = root + "/apps/{app}"
)

// registerAll is the table of routes.
func (a *API) registerAll() {
	a.registerObjects()
	a.registerDocuments()
	a.registerRuns()
	a.registerPeople()
	a.registerServer()
	a.registerWatch()
}

func (a *API) registerObjects() {
	const objects = inn + "/structures/{structure}/objects"
	register(a, Route{Method: "GET", Path: objects, Name: "listObjects", Summary: "List objects", Scope: account.ObjectsRead}, a.listObjects)
	register(a, Route{Method: "POST", Path: objects, Name: "createObject", Summary: "Create an object", Scope: account.ObjectsWrite, Status: 201, free: true, also: []int{202, 204}}, a.createObject)
	register(a, Route{Method: "POST", Path: objects + ":batch", Name: "batchObjects", Summary: "Write up to 100 objects, each by itself", Scope: account.ObjectsWrite, also: []int{202}}, a.batchObjects)
	register(a, Route{Method: "GET", Path: objects + "/{id}", Name: "getObject", Summary: "Read an object", Scope: account.ObjectsRead}, a.getObject)
	register(a, Route{Method: "PATCH", Path: objects + "/{id}", Name: "changeObject", Summary: "Change fields of an object (RFC 7396)", Scope: account.ObjectsWrite, free: true, also: []int{202, 204}}, a.changeObject)
	register(a, Route{Method: "DELETE", Path: objects + "/{id}", Name: "deleteObject", Summary: "Delete an object", Scope: account.ObjectsWrite, Status: 204, also: []int{202}}, a.deleteObject)
	register(a, Route{Method: "GET", Path: inn + "/changes", Name: "listChanges", Summary: "List changes, oldest first; those of one object newest first", Scope: account.ObjectsRead}, a.listChanges)
	register(a, Route{Method: "GET", Path: inn + "/changes/{seq}", Name: "getChange", Summary: "Read a change", Scope: account.ObjectsRead}, a.getChange)
	register(a, Route{Method: "GET", Path: inn + "/changes/{seq}/explain", Name: "explainChange", Summary: "Why did a change start what it started, and not the rest? Needs scenarios:read and runs:read too", Scope: account.ObjectsRead}, a.explainChange)
	register(a, Route{Method: "POST", Path: inn + "/push", Name: "push", Summary: "Send an event to open pages", Scope: account.Push}, a.push)
}

func (a *API) registerDocuments() {
	register(a, Route{Method: "GET", Path: inn + "/structures", Name: "listStructures", Summary: "List structures", Anyone: true}, a.listStructures)
	register(a, Route{Method: "GET", Path: inn + "/structures/{structure}", Name: "getStructure", Summary: "Read a structure", Anyone: true}, a.getStructure)
	register(a, Route{Method: "PUT", Path: inn + "/structures/{structure}", Name: "saveStructure", Summary: "Make or change a structure", Scope: account.ScenariosWrite, free: true, also: []int{201}}, a.saveStructure)

	register(a, Route{Method: "GET", Path: inn + "/structures/{structure}/uses", Name: "listUses", Summary: "Which scenarios, published and drafts, use which fields of a structure", Scope: account.ScenariosRead}, a.listUses)

	const constants, secrets = inn + "/constants", inn + "/secrets"
	register(a, Route{Method: "GET", Path: constants, Name: "listConstants", Summary: "List constants", Scope: account.ScenariosRead}, a.listConstants)
	register(a, Route{Method: "GET", Path: constants + "/{id}", Name: "getConstant", Summary: "Read a constant", Scope: account.ScenariosRead}, a.getConstant)
	register(a, Route{Method: "PUT", Path: constants + "/{id}", Name: "putConstant", Summary: "Make or change a constant", Scope: account.ScenariosWrite, also: []int{201}}, a.putConstant)
	register(a, Route{Method: "DELETE", Path: constants + "/{id}", Name: "deleteConstant", Summary: "Delete a constant that no published scenario and no run that goes on reads", Scope: account.ScenariosWrite, Status: 204}, a.deleteConstant)
	register(a, Route{Method: "GET", Path: secrets, Name: "listSecrets", Summary: "List secrets, without their values", Scope: account.ScenariosRead}, a.listSecrets)
	register(a, Route{Method: "GET", Path: secrets + "/{id}", Name: "getSecret", Summary: "Read of a secret what is not secret", Scope: account.ScenariosRead}, a.getSecret)
	register(a, Route{Method: "PUT", Path: secrets + "/{id}", Name: "putSecret", Summary: "Make or change a secret; its value is never given back", Scope: account.ScenariosWrite, also: []int{201}}, a.putSecret)
	register(a, Route{Method: "DELETE", Path: secrets + "/{id}", Name: "deleteSecret", Summary: "Delete a secret that no published scenario and no run that goes on names", Scope: account.ScenariosWrite, Status: 204}, a.deleteSecret)

	const scenario = inn + "/scenarios/{id}"
	register(a, Route{Method: "GET", Path: inn + "/scenarios", Name: "listScenarios", Summary: "List scenarios", Scope: account.ScenariosRead}, a.listScenarios)
	register(a, Route{Method: "GET", Path: scenario, Name: "getScenario", Summary: "Read a scenario", Scope: account.ScenariosRead}, a.getScenario)
	register(a, Route{Method: "DELETE", Path: scenario, Name: "deleteScenario", Summary: "Delete a stopped scenario", Scope: account.ScenariosWrite, Status: 204}, a.deleteScenario)
	register(a, Route{Method: "GET", Path: scenario + "/draft", Name: "getDraft", Summary: "Read the draft", Scope: account.ScenariosRead}, a.getDraft)
	register(a, Route{Method: "PUT", Path: scenario + "/draft", Name: "saveDraft", Summary: "Save the draft", Scope: account.ScenariosWrite, free: true, also: []int{201}}, a.saveDraft)
	register(a, Route{Method: "POST", Path: scenario + "/draft/preview", Name: "previewDraft", Summary: "What the settings of a draft come to on an object. Needs objects:read too", Scope: account.ScenariosRead}, a.previewDraft)
	register(a, Route{Method: "POST", Path: scenario + "/draft/complete", Name: "completeDraft", Summary: "What may stand at a caret in a setting of a draft. Needs objects:read too", Scope: account.ScenariosRead}, a.completeDraft)
	register(a, Route{Method: "POST", Path: scenario + "/draft/test", Name: "testDraft", Summary: "Try a draft on an object, dry or for real. Needs objects:read too; for real runs:write, objects:write, push and push:all", Scope: account.ScenariosWrite}, a.testDraft)
	register(a, Route{Method: "GET", Path: scenario + "/versions", Name: "listVersions", Summary: "List published versions", Scope: account.ScenariosRead}, a.listVersions)
	register(a, Route{Method: "GET", Path: scenario + "/versions/{number}", Name: "getVersion", Summary: "Read a published version", Scope: account.ScenariosRead}, a.getVersion)
	register(a, Route{Method: "GET", Path: scenario + "/versions/{number}..{to}", Name: "compareVersions", Summary: "How a version or the draft differs from another", Scope: account.ScenariosRead}, a.compareVersions)
	register(a, Route{Method: "POST", Path: scenario + "/draft/compare", Name: "compareDraft", Summary: "How a document that is not saved differs from the draft or a version", Scope: account.ScenariosRead}, a.compareDraft)
	register(a, Route{Method: "POST", Path: scenario + "/publish", Name: "publish", Summary: "Publish the draft", Scope: account.ScenariosWrite}, a.publish)
	register(a, Route{Method: "POST", Path: scenario + "/start", Name: "startScenario", Summary: "Start a scenario", Scope: account.ScenariosWrite}, a.start)
	register(a, Route{Method: "POST", Path: scenario + "/stop", Name: "stopScenario", Summary: "Stop a scenario", Scope: account.ScenariosWrite}, a.stop)
	register(a, Route{Method: "POST", Path: scenario + "/pause", Name: "pauseScenario", Summary: "Pause a scenario: changes queue, nothing advances", Scope: account.ScenariosWrite}, a.pause)
	register(a, Route{Method: "POST", Path: scenario + "/missed", Name: "runMissed", Summary: "Start the runs of the changes that were missed while too many waited", Scope: account.ScenariosWrite, Status: 202}, a.runMissed)
	register(a, Route{Method: "DELETE", Path: scenario + "/missed", Name: "forgetMissed", Summary: "Forget the changes that were missed", Scope: account.ScenariosWrite, Status: 204}, a.forgetMissed)
	register(a, Route{Method: "POST", Path: scenario + "/call", Name: "callScenario", Summary: "Start a run by hand", Scope: account.RunsWrite, Status: 202, also: []int{200}}, a.callScenario)
}

func (a *API) registerRuns() {
	register(a, Route{Method: "GET", Path: inn + "/runs", Name: "listRuns", Summary: "List runs, newest first", Scope: account.RunsRead}, a.listRuns)
	register(a, Route{Method: "GET", Path: inn + "/runs/{id}", Name: "getRun", Summary: "Read a run", Scope: account.RunsRead}, a.getRun)
	register(a, Route{Method: "GET", Path: inn + "/runs/{id}/steps", Name: "listSteps", Summary: "Read a run's log", Scope: account.RunsRead}, a.listSteps)
	register(a, Route{Method: "POST", Path: inn + "/runs/{id}/cancel", Name: "cancelRun", Summary: "Cancel an open run", Scope: account.RunsWrite}, a.cancelRun)
	register(a, Route{Method: "POST", Path: inn + "/runs/{id}/retry", Name: "retryRun", Summary: "Let a failed run go on from the step that failed", Scope: account.RunsWrite, Status: 202, also: []int{200}}, a.retryRun)
	register(a, Route{Method: "POST", Path: inn + "/runs/{id}/again", Name: "runAgain", Summary: "Start a new run as an earlier one began, by the version of now", Scope: account.RunsWrite, Status: 202, also: []int{200}}, a.runAgain)
}

func (a *API) registerPeople() {
	const users, sessions = inn + "/users", inn + "/sessions"
	register(a, Route{Method: "GET", Path: users, Name: "listUsers", Summary: "List users", Scope: account.ObjectsRead}, a.listUsers)
	register(a, Route{Method: "POST", Path: users, Name: "createUser", Summary: "Create a user", Scope: account.UsersWrite, Status: 201, free: true, also: []int{202, 204}}, a.createUser)
	register(a, Route{Method: "GET", Path: users + "/{id}", Name: "getUser", Summary: "Read a user", Scope: account.ObjectsRead}, a.getUser)
	register(a, Route{Method: "PATCH", Path: users + "/{id}", Name: "changeUser", Summary: "Change a user", Scope: account.UsersWrite, free: true, also: []int{202, 204}}, a.changeUser)
	register(a, Route{Method: "DELETE", Path: users + "/{id}", Name: "deleteUser", Summary: "Delete a user", Scope: account.UsersWrite, Status: 204, also: []int{202}}, a.deleteUser)
	register(a, Route{Method: "PUT", Path: users + "/{id}/password", Name: "setPassword", Summary: "Set a user's password and end their sessions", Scope: account.UsersWrite, Status: 204}, a.setPassword)
	register(a, Route{Method: "POST", Path: sessions, Name: "loginUser", Summary: "Log a user in", Public: true, Status: 201}, a.loginUser)
	register(a, Route{Method: "GET", Path: sessions, Name: "listSessions", Summary: "List sessions", Scope: account.UsersWrite}, a.listSessions)
	register(a, Route{Method: "DELETE", Path: sessions + "/{id}", Name: "revokeSession", Summary: "End a session", Scope: account.UsersWrite, Status: 204}, a.revokeSession)
	register(a, Route{Method: "GET", Path: inn + "/me", Name: "me", Summary: "Who am I", Anyone: true, User: true}, a.me)
}

func (a *API) registerServer() {
	register(a, Route{Method: "GET", Path: root + "/session", Name: "getSession", Summary: "Who is logged in", Anyone: true}, a.getSession)
	register(a, Route{Method: "POST", Path: root + "/session", Name: "login", Summary: "Log an account in", Public: true}, a.login)
	register(a, Route{Method: "DELETE", Path: root + "/session", Name: "logout", Summary: "Log out", Anyone: true, Status: 204}, a.logout)
	register(a, Route{Method: "GET", Path: root + "/accounts", Name: "listAccounts", Summary: "List accounts", Scope: account.AdminScope}, a.listAccounts)
	register(a, Route{Method: "POST", Path: root + "/accounts", Name: "createAccount", Summary: "Create an account", Scope: account.AdminScope, Status: 201}, a.createAccount)
	register(a, Route{Method: "GET", Path: root + "/accounts/{email}", Name: "getAccount", Summary: "Read an account", Scope: account.AdminScope}, a.getAccount)
	register(a, Route{Method: "PATCH", Path: root + "/accounts/{email}", Name: "changeAccount", Summary: "Change an account and end its sessions", Scope: account.AdminScope}, a.changeAccount)
	register(a, Route{Method: "DELETE", Path: root + "/accounts/{email}", Name: "deleteAccount", Summary: "Delete an account", Scope: account.AdminScope, Status: 204}, a.deleteAccount)
	register(a, Route{Method: "GET", Path: root + "/tokens", Name: "listTokens", Summary: "List API tokens", Scope: account.AdminScope}, a.listTokens)
	register(a, Route{Method: "POST", Path: root + "/tokens", Name: "createToken", Summary: "Create an API token", Scope: account.AdminScope, Status: 201}, a.createToken)
	register(a, Route{Method: "DELETE", Path: root + "/tokens/{id}", Name: "deleteToken", Summary: "End an API token", Scope: account.AdminScope, Status: 204}, a.deleteToken)
	register(a, Route{Method: "GET", Path: root + "/apps", Name: "listApps", Summary: "List apps", Anyone: true}, a.listApps)
	register(a, Route{Method: "POST", Path: root + "/apps", Name: "createApp", Summary: "Create an app", Scope: account.AdminScope, Status: 201}, a.createApp)
	register(a, Route{Method: "GET", Path: inn, Name: "getApp", Summary: "Read an app", Anyone: true}, a.getApp)
	register(a, Route{Method: "PATCH", Path: inn, Name: "changeApp", Summary: "Change an app", Scope: account.AdminScope}, a.changeApp)
	register(a, Route{Method: "GET", Path: root + "/step-kinds", Name: "listStepKinds", Summary: "The catalogue of steps", Anyone: true, also: []int{304}}, a.listStepKinds)
	register(a, Route{Method: "GET", Path: root + "/trigger-kinds", Name: "listTriggerKinds", Summary: "The catalogue of triggers", Anyone: true, also: []int{304}}, a.listTriggerKinds)
	register(a, Route{Method: "GET", Path: root + "/limits", Name: "listLimits", Summary: "All limits", Anyone: true}, a.listLimits)
	register(a, Route{Method: "GET", Path: root + "/settings", Name: "listSettings", Summary: "What the server runs with, and where each value comes from", Scope: account.AdminScope}, a.listSettings)
	register(a, Route{Method: "GET", Path: root + "/version", Name: "getVersionOfServer", Summary: "The program's version", Public: true}, a.version)
}
