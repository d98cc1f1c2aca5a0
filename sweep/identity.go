package sweep

import "fmt"

// Identity says which sweep of a name is meant. The reservation of the name has it, and
// every job of the sweep; who writes for a sweep with another identity is refused. It has
// no secrets: histories keep it.
type Identity struct {
	ID         string `json:"id"`                // random, made when the name is reserved
	Generation int    `json:"generation"`        // from 1; higher where a sweep begins afresh under its name
	Cluster    string `json:"cluster,omitempty"` // id of the Temporal cluster, "" if it is not known
	Namespace  string `json:"namespace"`         // of Temporal
	Store      string `json:"store"`             // id of the object store
	Address    string `json:"address"`           // of the object store, as the one who made the reservation reaches it
	Build      string `json:"build,omitempty"`   // of the tailsweep that made the reservation
}

// Same reports whether i and o are of the same sweep.
func (i Identity) Same(o Identity) bool { return i.ID == o.ID && i.Generation == o.Generation }

// SameTemporal reports whether i and o are of the same namespace of the same cluster.
func (i Identity) SameTemporal(o Identity) bool {
	return i.Namespace == o.Namespace && (i.Cluster == o.Cluster || i.Cluster == "" || o.Cluster == "")
}

// Key identifies the sweep in the specs of others, "" for none.
func (i Identity) Key() string {
	if i.ID == "" {
		return ""
	}
	return fmt.Sprintf("%s.%d", i.ID, i.Generation)
}

// String describes the identity in an error.
func (i Identity) String() string {
	if i.ID == "" {
		return "a sweep without an identity"
	}
	return fmt.Sprintf("sweep %.8s.%d of %s", i.ID, i.Generation, i.Temporal())
}

// Temporal describes the namespace and its cluster.
func (i Identity) Temporal() string {
	cluster := "an unknown Temporal cluster"
	if i.Cluster != "" {
		cluster = "Temporal cluster " + i.Cluster
	}
	return fmt.Sprintf("namespace %q on %s", i.Namespace, cluster)
}
